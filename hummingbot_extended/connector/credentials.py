"""Proves that an API key and a Stark key belong to one account of this network, before anything is signed."""

from collections.abc import Callable

from hummingbot_extended.connector.extended_perpetual_auth import ExtendedPerpetualAuth
from hummingbot_extended.errors import ConnectFailed, ExtendedError, SettingsError, TransportError, Unauthorized
from hummingbot_extended.exchange.endpoints import LOCAL_NAME, MAINNET, MAINNET_NAME, TESTNET, TESTNET_NAME, Domain
from hummingbot_extended.exchange.models import Account
from hummingbot_extended.exchange.rest import ExtendedRest

NETWORKS = {MAINNET_NAME: "Extended", TESTNET_NAME: "the Extended testnet", LOCAL_NAME: "the practice venue"}
SIBLINGS = {MAINNET_NAME: TESTNET, TESTNET_NAME: MAINNET}


async def prove_credentials(
    rest: ExtendedRest,
    auth: ExtendedPerpetualAuth,
    domain: Domain,
    *,
    sibling: Domain | None = None,
    rest_of: Callable[[Domain], ExtendedRest],
) -> Account:
    """Return the account of the keys. Read-only: nothing is signed, no order is sent.

    Raises SettingsError for keys that are wrong, of different accounts or of another network (`sibling`, asked only
    when this network refuses the key), TransportError when the network cannot be reached, ApiError for the rest; the
    sentence is for the user.
    """
    network = NETWORKS[domain.name]
    if not auth.is_complete:
        raise SettingsError(f"{network} needs an API key and a Stark private key")
    try:
        account = await rest.account()
        chain_id = (await rest.starknet_info()).chain_id
    except Unauthorized as error:
        raise SettingsError(await _refused_key(network, sibling, rest_of)) from error
    except TransportError as error:
        raise ConnectFailed(_unreachable(network, domain, error)) from error
    if chain_id != domain.chain_id:
        raise SettingsError(
            f"{domain.rest_url} is another network than {network}: it signs for {chain_id}, not {domain.chain_id}"
        )
    if int(account.l2_key, 16) != auth.signer.public_key:
        raise SettingsError(
            f"The Stark private key is not that of the API key's account {account.account_id}: its public key is "
            f"{auth.signer.public_key:#x}, the account's is {account.l2_key}. Each sub-account has keys of its own."
        )
    return account


async def _refused_key(network: str, sibling: Domain | None, rest_of: Callable[[Domain], ExtendedRest]) -> str:
    if sibling is not None and await _knows(rest_of(sibling)):
        return (
            f"The API key is one of {NETWORKS[sibling.name]}, not of {network}: "
            f"use 'connect {sibling.name}', or create a key on this network"
        )
    return f"The API key was refused by {network}: it is wrong, revoked, or of another network"


async def _knows(rest: ExtendedRest) -> bool:
    try:
        await rest.account()
    except ExtendedError:
        return False
    return True


def _unreachable(network: str, domain: Domain, error: TransportError) -> str:
    if domain.is_local:
        return f"{network} does not answer at {domain.rest_url}: is 'hummingbot-extended venue' running? ({error})"
    return f"{network} cannot be reached at {domain.rest_url}: check the internet connection ({error})"
