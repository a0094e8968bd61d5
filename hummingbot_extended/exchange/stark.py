"""The Stark curve in Python: Poseidon hash and ECDSA (API reference §5.8), for machines without the Rust library.

Bit for bit the same as `fast-stark-crypto`, and slower: about 2 ms for hash and signature of an order instead of
0.25 ms. Not constant in time: whoever can measure the signing process to the microsecond might learn about the key.
"""

import hashlib
import hmac
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import count

P = 2**251 + 17 * 2**192 + 1  # the field
N = 0x800000000000010FFFFFFFFFFFFFFFFB781126DCAE7B2321E66A241ADC64D2F  # the group's order
BETA = 0x6F21413EFBE40DE150E596D72F7A8C5609AD26C15C915C1F4CDFCB99CEE9E89  # y² = x³ + x + BETA
GENERATOR = (
    0x1EF15C18599971B7BECED415A40F0C7DEACFD9B0D1819E03D723D8BC943CFCA,
    0x5668060AA49730B7BE4801DF46EC62DE53ECD11ABE43A32873000C36E8DC1F,
)
LIMIT = 2**251  # r and s⁻¹ are below it
# Keys are derived without bias: hashes from here on are drawn again (§5.9, whose L is N).
_GRIND_LIMIT = 2**256 - 2**256 % N

# --- Poseidon -------------------------------------------------------------------------------------------------------

_HALF_FULL_ROUNDS = 4
_PARTIAL_ROUNDS = 83
_ROUNDS = 2 * _HALF_FULL_ROUNDS + _PARTIAL_ROUNDS
_FULL = frozenset([*range(_HALF_FULL_ROUNDS), *range(_HALF_FULL_ROUNDS + _PARTIAL_ROUNDS, _ROUNDS)])

type State = tuple[int, int, int]


@cache
def _round_constants() -> tuple[tuple[bool, int, int, int], ...]:
    """Return (is full, three constants) of every round: SHA-256 of "Hades0", "Hades1" …"""

    def constant(index: int) -> int:
        return int.from_bytes(hashlib.sha256(f"Hades{index}".encode()).digest()) % P

    return tuple((r in _FULL, constant(3 * r), constant(3 * r + 1), constant(3 * r + 2)) for r in range(_ROUNDS))


def permute(state: State) -> State:
    """Return the Hades permutation of three field elements."""
    a, b, c = state
    for is_full, ka, kb, kc in _round_constants():
        a, b, c = a + ka, b + kb, c + kc
        if is_full:
            a, b = a * a % P * a % P, b * b % P * b % P
        c = c * c % P * c % P
        total = a + b + c
        a, b, c = (total + 2 * a) % P, (total - 2 * b) % P, (total - 3 * c) % P
    return a, b, c


def poseidon(values: Sequence[int]) -> int:
    """Return the Poseidon hash of field elements; negative ones count from the field's end."""
    padded = [*values, 1]
    if len(padded) % 2:
        padded.append(0)
    a = b = c = 0
    for first, second in zip(padded[::2], padded[1::2], strict=True):
        a, b, c = permute(((a + first) % P, (b + second) % P, c))
    return a


# --- the curve ------------------------------------------------------------------------------------------------------

type Point = tuple[int, int]  # affine
type Jacobian = tuple[int, int, int]  # x = X / Z², y = Y / Z³; Z = 0 is the point at infinity

_INFINITY: Jacobian = (0, 1, 0)
_WINDOW_BITS = 6
_WINDOWS = -(-252 // _WINDOW_BITS)


def _double(point: Jacobian) -> Jacobian:
    x, y, z = point
    if not z or not y:
        return _INFINITY
    yy = y * y % P
    s = 4 * x * yy % P
    zz = z * z % P
    m = (3 * x * x + zz * zz) % P  # the curve's a is 1
    x3 = (m * m - 2 * s) % P
    return x3, (m * (s - x3) - 8 * yy * yy) % P, 2 * y * z % P


def _add(point: Jacobian, other: Point) -> Jacobian:
    """Add an affine point."""
    x1, y1, z1 = point
    x2, y2 = other
    if not z1:
        return x2, y2, 1
    zz = z1 * z1 % P
    h = (x2 * zz - x1) % P
    r = (y2 * zz % P * z1 - y1) % P
    if not h:
        return _double(point) if not r else _INFINITY
    hh = h * h % P
    hhh = h * hh % P
    v = x1 * hh % P
    x3 = (r * r - hhh - 2 * v) % P
    return x3, (r * (v - x3) - y1 * hhh) % P, z1 * h % P


def _affine(points: Sequence[Jacobian]) -> list[Point]:
    """Return finite points in affine form with one inversion for all (Montgomery's trick)."""
    products = [1]
    for _, _, z in points:
        products.append(products[-1] * z % P)
    inverse = pow(products[-1], -1, P)
    result: list[Point] = []
    for index in range(len(points) - 1, -1, -1):
        x, y, z = points[index]
        z_inverse = inverse * products[index] % P
        inverse = inverse * z % P
        zz = z_inverse * z_inverse % P
        result.append((x * zz % P, y * zz % P * z_inverse % P))
    return result[::-1]


@cache
def _generator_table() -> tuple[tuple[Point, ...], ...]:
    """Return for each window the multiples 1 … 2^bits − 1 of G·2^(bits·window): made once, in some 10 ms."""
    points: list[Jacobian] = []
    base = GENERATOR
    for _ in range(_WINDOWS):
        multiple: Jacobian = _INFINITY
        for _ in range(2**_WINDOW_BITS - 1):
            multiple = _add(multiple, base)
            points.append(multiple)
        (base,) = _affine([_add(multiple, base)])
    flat = _affine(points)
    size = 2**_WINDOW_BITS - 1
    return tuple(tuple(flat[start : start + size]) for start in range(0, len(flat), size))


def _times_generator(scalar: int) -> Jacobian:
    """Return scalar·G for 0 ≤ scalar < 2^252: an addition a window, no doubling."""
    result = _INFINITY
    for row in _generator_table():
        digit = scalar & (2**_WINDOW_BITS - 1)
        if digit:
            result = _add(result, row[digit - 1])
        scalar >>= _WINDOW_BITS
    return result


def _times(scalar: int, point: Point) -> Jacobian:
    result = _INFINITY
    for bit in bin(scalar)[2:]:
        result = _double(result)
        if bit == "1":
            result = _add(result, point)
    return result


def is_on_curve(x: int) -> bool:
    """Return whether a point with this x exists."""
    return 0 <= x < P and pow(x * x * x + x + BETA, (P - 1) // 2, P) != P - 1


def _point_at(x: int) -> Point | None:
    """Return one of the two points with this x, or None when there is none."""
    y = _square_root((x * x * x + x + BETA) % P)
    return None if y is None else (x, y)


def _square_root(value: int) -> int | None:
    """Return a square root in the field (Tonelli and Shanks), or None."""
    if pow(value, (P - 1) // 2, P) == P - 1:
        return None
    odd, twos = (P - 1) >> 192, 192
    root, t, c = pow(value, (odd + 1) // 2, P), pow(value, odd, P), pow(3, odd, P)  # 3 is no square
    while t not in (0, 1):
        order, power = 0, t
        while power != 1:
            power, order = power * power % P, order + 1
        b = pow(c, 1 << (twos - order - 1), P)
        twos, c = order, b * b % P
        root, t = root * b % P, t * c % P
    return root if t else 0


# --- ECDSA ----------------------------------------------------------------------------------------------------------


def public_key(private_key: int) -> int:
    """Return the public key: the x of private_key·G."""
    return _affine([_times_generator(private_key)])[0][0]


def sign(private_key: int, message_hash: int) -> tuple[int, int]:
    """Return (r, s) with the k of RFC 6979, so that one message has one signature."""
    nonces = _nonces(private_key, message_hash)
    while True:
        k = next(nonces)
        r = _affine([_times_generator(k)])[0][0]
        w = k * pow(message_hash + r * private_key, -1, N) % N
        if 0 < r < LIMIT and 0 < w < LIMIT:
            return r, pow(w, -1, N)


def verify(key: int, message_hash: int, r: int, s: int) -> bool:
    """Return whether (r, s) is a signature of the hash by the public key (an x: either y counts)."""
    if not (0 < r < LIMIT and 0 < s < N and 0 <= message_hash < LIMIT):
        return False
    w = pow(s, -1, N)
    point = _point_at(key % P)
    if not 0 < w < LIMIT or point is None:
        return False
    ours = _times_generator(message_hash * w % N)
    theirs = _times(r * w % N, point)
    x, y = _affine([theirs])[0]
    sums = [_add(ours, (x, y)), _add(ours, (x, -y % P))]
    return any(x == r for x, _ in _affine([total for total in sums if total[2]]))


def _nonces(private_key: int, message_hash: int) -> Iterator[int]:
    """Yield the candidates for k of RFC 6979 with HMAC-SHA256, the top 252 of each 256 bits."""

    def mac(key: bytes, *parts: bytes) -> bytes:
        return hmac.digest(key, b"".join(parts), "sha256")

    seed = private_key.to_bytes(32) + message_hash.to_bytes(32)
    key, value = bytes(32), b"\x01" * 32
    for separator in (b"\x00", b"\x01"):
        key = mac(key, value, separator, seed)
        value = mac(key, value)
    while True:
        value = mac(key, value)
        k = int.from_bytes(value) >> 4
        if 1 <= k < N:
            yield k
        key = mac(key, value, b"\x00")
        value = mac(key, value)


def derive_private_key(eth_signature: str) -> int:
    """Return the Stark private key that the exchange derives from an EVM signature in hex (API reference §5.9)."""
    seed = _shortest_bytes(int(eth_signature.strip().removeprefix("0x")[:64], 16))
    hashes = (int.from_bytes(hashlib.sha256(seed + _shortest_bytes(index)).digest()) for index in count())
    return next(value for value in hashes if value < _GRIND_LIMIT) % N


def _shortest_bytes(value: int) -> bytes:
    return value.to_bytes(max(1, (value.bit_length() + 7) // 8))


def short_string(text: str) -> int:
    """Return a short ASCII text as the field element that Starknet makes of it."""
    return int.from_bytes(text.encode("ascii"))
