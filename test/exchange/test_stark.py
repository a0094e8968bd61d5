"""The Python curve against the published values (API reference §5.8, §5.11) and against the Rust library."""

import hashlib

import fast_stark_crypto
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hummingbot_extended.exchange import stark
from test.exchange.helpers import PRIVATE_KEY, PUBLIC_KEY

KEYS = st.integers(1, stark.N - 1)
HASHES = st.integers(0, stark.LIMIT - 1)
KEY = int(PRIVATE_KEY, 16)


def test_permutation_matches_the_check_values() -> None:
    assert stark.permute((0, 0, 0))[0] == 0x79E8D1E78258000A28FC9D49E233BC6852357968577B1E386550ED6A9086133
    assert stark.permute((1, 2, 3)) == (
        0xFA8C9B6742B6176139365833D001E30E932A9BF7456D009B1B174F36D558C5,
        0x4F04DECA4CB7F9F2BD16B1D25B817CA2D16FBA2151E4252A2E2111CDE08BFE6,
        0x58DDE0A2A785B395EE2DC7B60B79E9472AB826E9BB5383A8018B59772964892,
    )


def test_poseidon_matches_the_check_values() -> None:
    assert stark.poseidon([]) == 0x2272BE0F580FD156823304800919530EAA97430E972D7213EE13F4FBF7A5DBC
    assert stark.poseidon([1, 2]) == 0x371CB6995EA5E7EFFCD2E174DE264B5B407027A75A231A70C2C8D196107F0E7


def test_poseidon_takes_negative_numbers_from_the_fields_end() -> None:
    assert stark.poseidon([-156]) == stark.poseidon([stark.P - 156])


def test_public_key_matches() -> None:
    assert stark.public_key(KEY) == PUBLIC_KEY


def test_sign_matches_r7() -> None:
    assert stark.sign(KEY, 123) == (
        0x171ACA78D4802D707ECC436784548F1BBB985CE49696363B62021CB85ED119B,
        0xA76D9A1E739AA971D45D61F6D144F7EFBF14BC368424092CDB4EF8F89CC9,
    )


def test_derive_private_key_matches_r10() -> None:
    signature = (
        "0x9ef64d5936681edf44b4a7ad713f3bc24065d4039562af03fccf6a08d6996eab"
        "367df11439169b417b6a6d8ce81d409edb022597ce193916757c7d5d9cbf97301c"
    )
    key = stark.derive_private_key(signature)
    assert key == 0x7DBB2C8651CC40E1D0D60B45EB52039F317A8AA82798BDA52EEE272136C0C44
    assert stark.public_key(key) == 0x78298687996AFF29A0BBCB994E1305DB082D084F85EC38BB78C41E6787740EC


@given(st.binary(min_size=65, max_size=65))
def test_derive_private_key_agrees_with_rust(signature: bytes) -> None:
    text = "0x" + signature.hex()
    assert stark.derive_private_key(text) == fast_stark_crypto.generate_keypair_from_eth_signature(text)[0]


def test_derive_private_key_grinds_on_after_an_unfair_hash() -> None:
    """A hash above the largest multiple of the order is refused, which happens once in 30."""
    seeds = (bytes([n]) * 32 for n in range(256))
    limit = 2**256 - 2**256 % stark.N
    unfair = next(s for s in seeds if s[0] and int.from_bytes(hashlib.sha256(s + b"\x00").digest()) >= limit)
    expected = int.from_bytes(hashlib.sha256(unfair + b"\x01").digest()) % stark.N
    assert stark.derive_private_key(unfair.hex()) == expected


@settings(max_examples=60)
@given(KEYS, HASHES)
def test_signatures_and_keys_agree_with_rust_and_verify(key: int, message_hash: int) -> None:
    signature = stark.sign(key, message_hash)
    public = stark.public_key(key)
    assert signature == fast_stark_crypto.sign(key, message_hash)
    assert public == fast_stark_crypto.get_public_key(key)
    assert stark.verify(public, message_hash, *signature)
    assert not stark.verify(public, message_hash ^ 1, *signature)


@pytest.mark.parametrize("key", [1, 2, 63, 64, 2**246, stark.N - 1, stark.N - 2])
@pytest.mark.parametrize("message_hash", [0, 1, stark.LIMIT - 1])
def test_edges_agree_with_rust(key: int, message_hash: int) -> None:
    signature = stark.sign(key, message_hash)
    assert signature == fast_stark_crypto.sign(key, message_hash)
    assert stark.verify(stark.public_key(key), message_hash, *signature)


@pytest.mark.parametrize(
    ("change_r", "change_s", "change_hash"), [(1, 0, 0), (0, 1, 0), (0, 0, 1), (-stark.LIMIT, 0, 0), (0, -stark.N, 0)]
)
def test_verify_refuses_what_is_changed(change_r: int, change_s: int, change_hash: int) -> None:
    r, s = stark.sign(KEY, 123)
    assert not stark.verify(PUBLIC_KEY, 123 + change_hash, r + change_r, s + change_s)


def test_verify_refuses_a_key_that_is_no_point_and_an_unfair_s() -> None:
    r, s = stark.sign(KEY, 123)
    no_point = next(x for x in range(1, 100) if not stark.is_on_curve(x))
    assert not stark.verify(no_point, 123, r, s)
    large_w = pow(stark.LIMIT + 1, -1, stark.N)
    assert not stark.verify(PUBLIC_KEY, 123, r, large_w)


@given(st.integers(0, stark.P - 1))
@settings(max_examples=30)
def test_a_point_exists_exactly_where_the_curve_has_a_root(x: int) -> None:
    point = stark._point_at(x)
    assert (point is not None) == stark.is_on_curve(x)
    if point:
        assert (point[1] ** 2 - (x**3 + x + stark.BETA)) % stark.P == 0


def test_square_root_of_zero() -> None:
    assert stark._square_root(0) == 0


def test_the_groups_law_at_its_edges() -> None:
    g = stark.GENERATOR
    double = stark._double((*g, 1))
    minus = (g[0], -g[1] % stark.P)
    assert stark._affine([stark._add((*g, 1), g)]) == stark._affine([double])
    assert stark._add((*g, 1), minus)[2] == 0
    assert stark._double((0, 1, 0))[2] == 0
    assert stark._affine([stark._times(5, g)]) == stark._affine([stark._times_generator(5)])


def test_the_nonce_goes_on_when_a_candidate_is_too_large(monkeypatch: pytest.MonkeyPatch) -> None:
    """RFC 6979 §3.2 h: a candidate out of range is skipped. With a group of half the size many are."""
    plain = next(stark._nonces(KEY, 123))
    monkeypatch.setattr(stark, "N", plain)
    assert next(stark._nonces(KEY, 123)) < plain


def test_a_candidate_with_an_unfair_r_or_w_is_skipped(monkeypatch: pytest.MonkeyPatch) -> None:
    """Happens once in 2^59; with half the bound, three times of four."""
    monkeypatch.setattr(stark, "LIMIT", stark.LIMIT // 2)
    for message_hash in range(20):
        r, s = stark.sign(KEY, message_hash)
        assert 0 < r < stark.LIMIT
        assert 0 < pow(s, -1, stark.N) < stark.LIMIT
        assert stark.verify(PUBLIC_KEY, message_hash, r, s)


def test_short_string() -> None:
    assert stark.short_string("StarkNet Message") == 0x537461726B4E6574204D657373616765
