"""Hashes, amounts and signatures against the vectors of API reference §5.10 and §5.11, with both backends."""

import decimal
import pickle
import sys
from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction
from math import ceil, floor
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hummingbot_extended.errors import SettingsError
from hummingbot_extended.exchange import backends, stark
from hummingbot_extended.exchange.backends import Backend, Fields, PythonBackend, RustBackend, domain_hash, struct_hash
from hummingbot_extended.exchange.enums import Side
from hummingbot_extended.exchange.signing import (
    MAX_NONCE,
    TRANSFER_EXPIRY_BUFFER_S,
    LimitOrderFields,
    NonceSource,
    OrderAmounts,
    OrderFields,
    StarknetDomain,
    StarkSigner,
    TransferFields,
    WithdrawalFields,
    find_backend,
    message_hash,
    order_amounts,
    parse_private_key,
    settlement_expiration_s,
    verify,
)
from test.exchange.helpers import PRIVATE_KEY, PUBLIC_KEY, fixture

VECTORS = fixture("order_vectors")
BASE_ASSET = 0x4254432D3600000000000000000000
SEPOLIA = StarknetDomain(chain_id="SN_SEPOLIA")
MAIN = StarknetDomain()
PK = 0x5D05989E9302DCEBC74E241001E3E3AC3F4402CCF2F8E6F74B034B07AD6A904


@pytest.fixture(params=[PythonBackend(), RustBackend()], ids=["python", "rust"])
def backend(request: pytest.FixtureRequest) -> Backend:
    return request.param


def amounts_of(vector: dict[str, Any]) -> OrderAmounts:
    return order_amounts(
        Side(vector["side"]),
        Decimal(vector["qty"]),
        Decimal(vector["price"]),
        Decimal(vector["fee_rate"]) + Decimal(vector.get("builder_fee", 0)),
        base_resolution=1_000_000,
        quote_resolution=1_000_000,
    )


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["name"])
def test_order_vectors(backend: Backend, vector: dict[str, Any]) -> None:
    amounts = amounts_of(vector)
    assert amounts == (vector["base_amount"], vector["quote_amount"], vector["fee_amount"])
    expiration_s = settlement_expiration_s(vector["expiry_epoch_millis"])
    assert expiration_s == vector["settlement_expiration"]
    collateral = int(vector["collateral_id"], 16)
    fields = OrderFields(
        10002,
        BASE_ASSET,
        amounts.base,
        collateral,
        amounts.quote,
        collateral,
        amounts.fee,
        expiration_s,
        vector["nonce"],
    )
    domain = StarknetDomain(chain_id=vector["chain_id"])
    signer = StarkSigner(PRIVATE_KEY, backend)
    assert (
        message_hash(domain, signer.public_key, fields, backend) == int(vector["hash"]) == int(vector["hash_hex"], 16)
    )
    signature = signer.sign_fields(domain, fields)
    assert [hex(part) for part in signature] == [vector["r"], vector["s"]]
    assert verify(signer.public_key, int(vector["hash"]), signature, backend)


def test_domain_hashes() -> None:
    assert domain_hash(SEPOLIA) == 2788850828067604540663615870177667078542240404906059806659101905868929188327
    assert domain_hash(MAIN) == 1606899546926366350195101157729537827115036196907123196162576221800650447737


RAW: list[tuple[str, Fields, int, int]] = [
    (
        "R1",
        OrderFields(100, 2, 100, 1, -156, 1, 74, 100, 123),
        PK,
        0x4DE4C009E0D0C5A70A7DA0E2039FB2B99F376D53496F89D9F437E736ADD6B48,
    ),
    (
        "R2",
        OrderFields(1, 2, 3, 4, 5, 6, 7, 8, 9),
        1528491859474308181214583355362479091084733880193869257167008343298409336538,
        2788960362996410178586013462192086205585543858281504820767681025777602529597,
    ),
    (
        "R3",
        LimitOrderFields(100, 200, 2, 100, 1, -156, 1, 74, 100, 123),
        PK,
        0xA3740F996EC1FBBE00BA85BE37B00FC4F5C3AE3958BCC3081FB731EB7A3C59,
    ),
    (
        "R4",
        LimitOrderFields(1, 2, 2, 3, 4, 5, 6, 7, 8, 9),
        PK,
        0x396B726A20930D4B4E1A15D3A96AAF3952D788D324A68E1EF06999E7C0FCC97,
    ),
    (
        "R5",
        TransferFields(1, 2, 3, 4, 5, 6),
        PK,
        0x56C7B21D13B79A33D7700DDA20E22246C25E89818249504148174F527FC3F8F,
    ),
    (
        "R6",
        WithdrawalFields(
            206642948138484946401984817000601902748248360221625950604253680558965863254,
            2,
            1386727789535574059419576650469753513512158569780862144831829362722992755422,
            1000,
            0,
            0,
        ),
        PK,
        2182119571682827544073774098906745929330860211691330979324731407862023927178,
    ),
]


@pytest.mark.parametrize(("name", "fields", "key", "expected"), RAW, ids=[row[0] for row in RAW])
def test_raw_hash_vectors(backend: Backend, name: str, fields: Fields, key: int, expected: int) -> None:
    assert message_hash(SEPOLIA, key, fields, backend) == expected


def test_struct_hashes_of_r2_and_r5() -> None:
    r2, r5 = RAW[1][1], RAW[4][1]
    assert struct_hash(r2) == 1329353150252109345267997901008558234696410103652961347079636617692652241760
    assert struct_hash(r5) == 2223969487713427665389808888239017784545324676732964616876966103908214316949


def test_r9(backend: Backend) -> None:
    signer = StarkSigner("0x13ee6aa9b55c794a79e0bb4ef8e74e4e08b5637e873ef118cf5c01d83b701f6", backend)
    assert signer.public_key == 0x5DB6654E268C7335C6D73665D7CE3B146C6B14E700FD3B6114C688AD21C0E6F
    base = 0x4254432D5553442D38000000000000
    fields = OrderFields(10001, base, 10000000, 1, -95000500, 1, 47501, 1781524800, 1473459052)
    expected = 202604897863102248957652445778169685717304307044993653180881986394935062100
    assert message_hash(SEPOLIA, signer.public_key, fields, backend) == expected
    assert signer.sign_fields(SEPOLIA, fields) == (
        0x6FB953589D299AD767ED549DDF90DD5CABF648661B333A14130FC502C14DB70,
        0x77696E2B51DCA4E0A4BE26FE423C608D4E46894F23C13A407AB8EC67C75A07,
    )


def test_r11_transfer(backend: Backend) -> None:
    moment_ms = 1704416936861  # 2024-01-05T01:08:56.860694Z, rounded up
    expiration_s = settlement_expiration_s(moment_ms, TRANSFER_EXPIRY_BUFFER_S)
    assert expiration_s == 1706231337
    fields = TransferFields(10002, 10002, 1, 1100000, expiration_s, 1473459052)
    signature = StarkSigner(PRIVATE_KEY, backend).sign_fields(SEPOLIA, fields)
    assert [hex(part) for part in signature] == [
        "0x21f353080b04ab862474d0d2985f4d223087a89193a3a8bdea3de320f845cf8",
        "0x6f70daa9e65037d97ccf0667cc6f1368b7b01a93d0ededf929b53be3f177d96",
    ]


def test_r12_vault_limit_order(backend: Backend) -> None:
    vault_share = 0x7DB365513DF1EE2EB8FC2D157D4D1CBA3D4A2EF59B44DD3D61124C88B4F6084
    amounts = order_amounts(
        Side.BUY,
        Decimal(7),
        Decimal(10) / 7,
        Decimal(0),
        base_resolution=1_000_000,
        quote_resolution=1_000_000,
    )
    assert (amounts.base, amounts.fee) == (7000000, 0)
    fields = LimitOrderFields(10002, 10002, vault_share, 7000000, 1, -10000000, 1, 0, 1705630137, 1473459052)
    signature = StarkSigner(PRIVATE_KEY, backend).sign_fields(MAIN, fields)
    assert [hex(part) for part in signature] == [
        "0x77c1a73e45bf4d7934f7deb04fbd4a3c9d3261baf2007e5f25b0fc681dd3183",
        "0x26f4fbcf7b3dbb2bf14c438bed1c482eb3a65dc9f73b305e56345c8a3e393cd",
    ]


# --- both backends, any order ---------------------------------------------------------------------------------------

FELTS = st.integers(0, stark.P - 1)
I64 = st.integers(-(2**63), 2**63 - 1)
U64 = st.integers(0, 2**64 - 1)
U32 = st.integers(0, 2**32 - 1)
ANY_FIELDS = st.one_of(
    st.builds(OrderFields, U32, FELTS, I64, FELTS, I64, FELTS, U64, U64, U64),
    st.builds(LimitOrderFields, U32, U32, FELTS, I64, FELTS, I64, FELTS, U64, U64, U64),
    st.builds(TransferFields, U32, U32, FELTS, U64, U64, U64),
    st.builds(WithdrawalFields, FELTS, U32, FELTS, U64, U64, U64),
)


@settings(max_examples=80)
@given(fields=ANY_FIELDS, key=st.integers(1, stark.N - 1), domain=st.sampled_from([MAIN, SEPOLIA]))
def test_backends_agree_and_signatures_verify(fields: Fields, key: int, domain: StarknetDomain) -> None:
    rust, python = (StarkSigner(hex(key), find_backend(name)) for name in ("rust", "python"))
    assert rust.public_key == python.public_key
    signature = rust.sign_fields(domain, fields)
    assert signature == python.sign_fields(domain, fields)
    hash_ = message_hash(domain, rust.public_key, fields)
    for backend in (rust.backend, python.backend):
        assert verify(rust.public_key, hash_, signature, backend)
        assert not verify(rust.public_key, (hash_ + 1) % stark.LIMIT, signature, backend)


@pytest.mark.parametrize(
    "fields",
    [
        OrderFields(2**32, 1, 1, 1, 1, 1, 1, 1, 1),
        OrderFields(1, stark.P, 1, 1, 1, 1, 1, 1, 1),
        OrderFields(1, 1, 2**63, 1, 1, 1, 1, 1, 1),
        OrderFields(1, 1, 1, 1, -(2**63) - 1, 1, 1, 1, 1),
        OrderFields(1, 1, 1, 1, 1, 1, -1, 1, 1),
        OrderFields(1, 1, 1, 1, 1, 1, 1, 2**64, 1),
        OrderFields(1, 1, 1, 1, 1, 1, 1, 1, -1),
        TransferFields(1, 1, 1, -1, 1, 1),
        WithdrawalFields(stark.P, 1, 1, 1, 1, 1),
    ],
)
def test_fields_out_of_range_are_refused_alike(backend: Backend, fields: Fields) -> None:
    with pytest.raises(SettingsError, match="out of range"):
        message_hash(MAIN, PUBLIC_KEY, fields, backend)


@pytest.mark.parametrize(
    ("key", "message", "signature"),
    [
        (PUBLIC_KEY, 1, (0, 1)),
        (PUBLIC_KEY, 1, (1, 0)),
        (PUBLIC_KEY, 1, (stark.LIMIT, 1)),
        (PUBLIC_KEY, 1, (1, stark.N)),
        (PUBLIC_KEY, 1, (-1, 1)),
        (PUBLIC_KEY, -1, (1, 1)),
        (PUBLIC_KEY, stark.LIMIT, (1, 1)),
        (PUBLIC_KEY, 1, (1, pow(stark.LIMIT + 1, -1, stark.N))),
        (2**260, 1, (1, 1)),
        (-1, 1, (1, 1)),
        (next(x for x in range(1, 100) if not stark.is_on_curve(x)), 1, (1, 1)),
        (PUBLIC_KEY, 1, (1, 1)),
    ],
)
def test_verify_is_false_for_numbers_that_are_no_signature(
    backend: Backend, key: int, message: int, signature: tuple[int, int]
) -> None:
    """The Rust library panics on some of these."""
    assert not verify(key, message, signature, backend)


# --- amounts --------------------------------------------------------------------------------------------------------

NUMBERS = st.decimals(min_value=0, max_value=10**7, places=9)


@given(
    side=st.sampled_from(Side),
    qty=NUMBERS,
    price=NUMBERS,
    fee=st.decimals(min_value=0, max_value=1, places=8),
    resolution=st.sampled_from([1, 10, 10**6, 10**10]),
    precision=st.integers(1, 40),
)
def test_amounts_are_exact_whatever_the_decimal_context(
    side: Side, qty: Decimal, price: Decimal, fee: Decimal, resolution: int, precision: int
) -> None:
    with decimal.localcontext(decimal.Context(prec=precision, rounding=decimal.ROUND_HALF_UP)):
        amounts = order_amounts(side, qty, price, fee, base_resolution=resolution, quote_resolution=10**6)
    round_dir, sign = (ceil, 1) if side is Side.BUY else (floor, -1)
    notional = Fraction(qty) * Fraction(price) * 10**6
    assert amounts.base == sign * round_dir(Fraction(qty) * resolution)
    assert amounts.quote == -sign * round_dir(notional)
    assert amounts.fee == ceil(notional * Fraction(fee))


@pytest.mark.parametrize(
    ("expiry_ms", "expected"),
    [(0, 1209600), (1, 1209601), (1000, 1209601), (1001, 1209602), (1795219200000, 1796428800)],
)
def test_expiration_is_rounded_up_and_buffered(expiry_ms: int, expected: int) -> None:
    assert settlement_expiration_s(expiry_ms) == expected


# --- keys -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [PRIVATE_KEY, PRIVATE_KEY[2:], f"  {PRIVATE_KEY}\n", PRIVATE_KEY.upper(), "0X" + PRIVATE_KEY[2:].upper(), "0x1"],
)
def test_private_key_is_read_as_people_paste_it(text: str) -> None:
    assert parse_private_key(text) in (int(PRIVATE_KEY, 16), 1)


@pytest.mark.parametrize(
    "text",
    ["", "0x", "0", "0x0", "not a key", "0xabcdefg", "-0x5", "0x5_5", hex(stark.N), hex(2**256), "12 34", "0x+12"],
)
def test_private_key_that_is_none_is_refused_without_showing_it(text: str) -> None:
    with pytest.raises(SettingsError) as caught:
        parse_private_key(text)
    assert len(text) < 3 or text not in str(caught.value)
    assert caught.value.__cause__ is None


def test_a_signer_shows_its_public_key_only(backend: Backend) -> None:
    signer = StarkSigner(PRIVATE_KEY, backend)
    assert signer.public_key == PUBLIC_KEY
    for shown in (repr(signer), str(signer), f"{signer}"):
        assert hex(PUBLIC_KEY) in shown
        assert backend.name in shown
        assert PRIVATE_KEY[2:] not in shown
        assert str(int(PRIVATE_KEY, 16)) not in shown
    with pytest.raises(TypeError, match="not pickled"):
        pickle.dumps(signer)


# --- backends -------------------------------------------------------------------------------------------------------


@pytest.fixture
def without_rust(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(backends, "fast_stark_crypto", None)
    return


def test_rust_is_chosen_where_it_is_installed() -> None:
    assert find_backend().name == find_backend("rust").name == "rust"
    assert find_backend("python").name == "python"


def test_python_is_chosen_where_rust_is_not_installed(without_rust: None) -> None:
    assert find_backend().name == "python"
    with pytest.raises(SettingsError, match="not installed"):
        find_backend("rust")


def test_the_package_imports_without_the_rust_library(monkeypatch: pytest.MonkeyPatch) -> None:
    source = backends.__spec__.loader.get_source(backends.__name__)  # type: ignore[union-attr]
    monkeypatch.setitem(sys.modules, "fast_stark_crypto", None)
    namespace: dict[str, Any] = {"__name__": "backends_without_rust"}
    exec(compile(source, backends.__file__, "exec"), namespace)
    assert namespace["find_backend"]().name == "python"


# --- nonces ---------------------------------------------------------------------------------------------------------


def test_nonces_are_unique_and_in_range() -> None:
    nonce = NonceSource()
    drawn = [nonce() for _ in range(100_000)]
    assert len(set(drawn)) == len(drawn)
    assert all(1 <= value <= MAX_NONCE == 2**31 - 1 for value in drawn)


def test_nonces_start_at_random() -> None:
    assert len({NonceSource()() for _ in range(20)}) > 18


def test_nonces_go_on_from_the_end_of_their_range() -> None:
    nonce = NonceSource(start=MAX_NONCE - 1)
    assert [nonce() for _ in range(4)] == [MAX_NONCE - 1, MAX_NONCE, 1, 2]
