"""What the tracer knows of torch's functions, by name: which move data, which compute, which end the way.

A function that is in no table and consumes traced data can't be traced; nothing is guessed.
"""

from __future__ import annotations

from typing import Any

__all__ = ["ADVICE", "ASSIGNING", "COMPUTING", "LEADING", "MOVING", "QUERIES", "RESHAPING", "op_name"]


def op_name(func: Any) -> tuple[str, bool]:
    """Return the plain name of a torch function and whether it works in place.

    ``add_`` is ``("add", True)``, ``__radd__`` ``("radd", False)``, the property ``T`` ``("get:T", False)``.
    """
    schema = getattr(func, "_schema", None)  # of an overload, whose __name__ is only that of the overload
    name: str = str(getattr(func, "__name__", func)) if schema is None else schema.name.rpartition("::")[2]
    if name in ("__get__", "__set__"):
        owner = getattr(getattr(func, "__self__", None), "__name__", "")
        return f"{name.strip('_')}:{owner}", name == "__set__"
    if name.startswith("__"):
        return name.strip("_"), False
    name = name.partition(".")[0]  # overloads of torch.ops are called 'relu.default'
    return name.strip("_"), name.endswith("_")


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


#: the same elements in another shape, in the same order
RESHAPING = _words(
    "view reshape flatten unflatten squeeze unsqueeze ravel view_as reshape_as atleast_2d atleast_3d"
)

#: elements are moved, copied, selected or joined, never changed
MOVING = RESHAPING | _words(
    """permute transpose swapaxes swapdims movedim moveaxis t adjoint get:T get:mT get:H get:mH get:data
    get:real expand expand_as broadcast_to repeat repeat_interleave tile cat concat concatenate
    stack hstack vstack dstack split split_with_sizes chunk tensor_split unbind select narrow
    index_select getitem clone contiguous detach alias lift_fresh to float double half bfloat16 type
    type_as int long short bool cpu cuda as_tensor deepcopy dropout dropout1d dropout2d dropout3d
    alpha_dropout feature_dropout feature_alpha_dropout pad constant_pad_nd roll flip reversed
    pixel_shuffle pixel_unshuffle channel_shuffle requires_grad"""
)

#: of these only the first argument is data that move
LEADING = _words("expand_as view_as reshape_as type_as to getitem index_select repeat_interleave")

#: the first argument takes over other data
ASSIGNING = _words("setitem copy index_copy index_put set:data")

#: answers about a tensor that are no data of the network, or fresh tensors that take only its shape
QUERIES = _words(
    """size dim ndimension numel nelement len stride storage_offset data_ptr element_size is_contiguous
    get_device is_floating_point is_complex is_same_size is_nonzero equal allclose is_set_to storage
    untyped_storage item tolist zeros_like ones_like empty_like full_like rand_like randn_like
    randint_like new_zeros new_ones new_empty new_full new_tensor zero fill normal uniform
    repr format hash index contains dir is_pinned is_inference result_type"""
)


def _table(*rows: tuple[str, str]) -> dict[str, tuple[str, str]]:
    """Read rows of ``(op, "name kind:name,name ...")``; a name alone is its own kind."""
    table: dict[str, tuple[str, str]] = {}
    for op, words in rows:
        for word in words.split():
            kind, _, names = word.partition(":")
            table.update({name: (op, kind) for name in (names or kind).split(",")})
    return table


#: name -> (op of the graph, kind)
COMPUTING = _table(
    ("conv2d", "conv2d"),
    ("linear", "linear:linear,matmul,rmatmul,mm,addmm"),
    ("matmul", "matmul:bmm"),
    (
        "pool",
        """max:max_pool2d,max_pool2d_with_indices avg:avg_pool2d lp:lp_pool2d adaptive_avg:adaptive_avg_pool2d
        adaptive_max:adaptive_max_pool2d,adaptive_max_pool2d_with_indices""",
    ),
    ("norm", "batch_norm layer_norm group_norm instance_norm rms_norm local_response_norm normalize"),
    ("add", "add:add,radd,iadd sub:sub,subtract,rsub,isub lerp addcmul cumsum"),
    (
        "mul",
        """mul:mul,multiply,rmul,imul div:div,divide,true_divide,rdiv,rtruediv,truediv,idiv,itruediv
        neg:neg,negative floordiv:floordiv,floor_divide,rfloordiv""",
    ),
    ("mean", "mean nanmean"),
    ("sum", "sum nansum"),
    (
        "reduce",
        "amax amin any all argmax argmin count_nonzero norm vector_norm std var prod median logsumexp topk",
    ),
    ("softmax", "softmax log_softmax"),
    (
        "activation",
        """relu relu6 gelu silu mish tanh sigmoid hardtanh hardswish hardsigmoid leaky_relu elu selu celu
        softplus softsign logsigmoid prelu rrelu threshold clamp:clamp,clip,clamp_min,clamp_max
        tanhshrink softshrink hardshrink heaviside sign sgn floor ceil round trunc frac
        abs:abs,absolute exp expm1 exp2 log log1p log2 sqrt rsqrt square pow:pow,rpow,ipow
        reciprocal sin cos erf gt:gt,greater lt:lt,less ge:ge,greater_equal le:le,less_equal
        eq:eq,isclose ne:ne,not_equal and:and,iand,logical_and,bitwise_and
        or:or,ior,logical_or,bitwise_or xor:xor,ixor,logical_xor,bitwise_xor
        not:invert,logical_not,bitwise_not isnan isinf isfinite nan_to_num where masked_fill max min
        maximum minimum fmod remainder:remainder,mod bernoulli
        fake_quantize:fake_quantize_per_tensor_affine,fake_quantize_per_channel_affine""",
    ),
)

_RECURRENT = "write the recurrence as linear layers and neuron modules, called step by step"
_RUN_TIME = "write a product of two operands that are both computed at run time as a @ b"
_ONE_D = "write it as the two-dimensional one with a kernel of (1, k)"
#: name -> what the user can do instead
ADVICE = {
    **dict.fromkeys(("lstm", "gru", "rnn_tanh", "rnn_relu", "lstm_cell", "gru_cell"), _RECURRENT),
    **dict.fromkeys(("einsum", "baddbmm", "tensordot"), _RUN_TIME),
    **dict.fromkeys(
        ("multi_head_attention_forward", "native_multi_head_attention", "transformer_encoder_layer_fwd"),
        "write attention as linear layers and scaled_dot_product_attention, or a @ b with a softmax between",
    ),
    **dict.fromkeys(
        ("conv1d", "avg_pool1d", "max_pool1d", "adaptive_avg_pool1d", "adaptive_max_pool1d"), _ONE_D
    ),
    **dict.fromkeys(
        ("conv3d", "conv_transpose2d", "conv_transpose1d"),
        "only two-dimensional forward convolutions map to arrays",
    ),
    **dict.fromkeys(
        ("numpy", "array", "from_dlpack", "dlpack"),
        "data that leave torch can't be followed; use torch operations",
    ),
    "embedding": "embed outside of the network and trace the rest on the embedded data",
    "unfold": "use conv2d, which unfolds by itself",
}
