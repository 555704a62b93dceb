"""One entry of resolvers.yaml -> the resolvers it stands for, over every transport that they speak."""

import ssl
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from resolver_diff.config import addresses
from resolver_diff.config.advice import did_you_mean, explain, shown
from resolver_diff.config.fields import Fields, Reader
from resolver_diff.config.model import Entry, Means, RefusedError, Resolver, Shared, Way, ip_address, is_ip
from resolver_diff.config.yaml import Node
from resolver_diff.tables import TransportName

DO53 = (TransportName.UDP, TransportName.TCP)
USELESS = {  # keys that change nothing over these transports
    "hostname": DO53,
    "ca": DO53,
    "pins": DO53,
    "path": (*DO53, TransportName.TLS, TransportName.QUIC),
    "method": (*DO53, TransportName.TLS, TransportName.QUIC),
}

Ways = dict[TransportName, Fields]


@dataclass(frozen=True, slots=True)
class Asked:
    """A resolver over one transport, and where the file says so."""

    resolver: Resolver
    at: Node  # its name
    own: bool  # its entry's own transport, not one of its `also`


class Entries:
    """Reads the entries of one file."""

    def __init__(self, reader: Reader, defaults: Fields, groups: Mapping[str, Fields]) -> None:
        self._reader = reader
        self._defaults = defaults
        self._groups = groups
        self._ways: dict[int, Ways] = {}  # by the node that says them, which a group shares with all its entries
        self._authorities: set[int] = set()  # nodes of `ca` that were looked at; as above

    def read(self, node: Node) -> list[Asked]:
        """Return what an entry stands for; what is wrong is noted and left out."""
        own = self._reader.fields(node, Entry, "an entry")
        if not own:
            if node.value is None or node.value == {}:
                self._reader.mistake("an empty entry", node)
            return []
        shared = {**self._defaults, **self._of_group(own)}
        for key in ("name", "address"):
            if key not in own:
                self._reader.mistake(f"`{key}` is missing", node)
        also = own.pop("also", shared.pop("also", None))
        ways = {} if also is None else self.ways(also)
        asked: list[Asked] = []
        system = own["address"] if "address" in own and own["address"].value == addresses.SYSTEM else None
        for there in self._places(own):
            asked += self._over(own, {**shared, **own, **there}, ways)
        wrong = [each.resolver.transport for each in asked if system and each.resolver.transport not in DO53]
        if system and wrong:
            hint = "a resolver that speaks it has an entry of its own, with its address"
            self._reader.mistake(f"the system's resolvers are not asked over `{wrong[0]}`", system, hint)
        self._warn_useless([each.resolver.transport for each in asked], own)
        return asked

    def ways(self, also: Node) -> Ways:
        """Return the transports that `also` says, with what it says of them."""
        if id(also) not in self._ways:
            self._ways[id(also)] = dict(self._read_ways(also))
        return self._ways[id(also)]

    def _read_ways(self, also: Node) -> Iterator[tuple[TransportName, Fields]]:
        for word, node in self._reader.mapping(also, "`also`"):
            if word not in set(TransportName):
                self._reader.mistake(*explain("transport", also.keys[word], None))
                continue
            found = self._reader.fields(node, Way, f"`{word}`")
            bad = self._reader.check(Way, found)[1]
            transport = TransportName(word)
            self._warn_useless([transport], found)
            yield transport, {key: value for key, value in found.items() if key not in bad}

    def _of_group(self, own: Fields) -> Fields:
        """Take the group out of *own*; return what it says."""
        group = own.pop("group", None)
        if group is None:
            return {}
        if isinstance(group.value, str) and group.value in self._groups:
            return self._groups[group.value]
        name = str(group.value)
        self._reader.mistake(f"no group is called `{name}`", group, did_you_mean(name, None, tuple(self._groups)))
        return {}

    def _places(self, own: Fields) -> list[Fields]:
        """Take `address` and `ip` out of *own*; return the keys they stand for, once for each resolver there."""
        node, ip = own.pop("address", None), own.pop("ip", None)
        where = None if ip is None else self._reader.attempt("ip", ip, ip_address)
        if node is not None and addresses.is_written(node.value):
            return [self._of_url(own, node, ip, where)]
        if ip is not None:
            hint = "`address: tls://dns.example`, and where that is: `ip: 192.0.2.53`"
            self._reader.mistake("`ip` goes with a URL", ip, hint)
        if node is None:
            return [{}]
        if node.value == addresses.SYSTEM:
            return self._of_system(own, node)
        address = self._reader.attempt("address", node, ip_address)
        return [{} if address is None else {"address": _beside(node, address)}]

    def _of_url(self, own: Fields, node: Node, ip: Node | None, where: str | None) -> Fields:
        """Return what a URL or a stamp says, *where* in place of its host; notes what *own* says otherwise."""
        written = self._reader.attempt("address", node, lambda text: addresses.parse(str(text)))
        if written is None:
            return {}
        if written.hashes:
            self._reader.warning(
                "the hashes in this stamp are not checked",
                node,
                "they are of certificates; the name in the certificate is checked, or `pins`, which are of public keys",
            )
        if ip is not None and where not in (None, written.host) and is_ip(written.host):
            self._reader.mistake(f"`ip` is `{where}`, the address says `{written.host}`", ip, "take one of them away")
        keys = self._agreed(own, written.keys)
        return {key: _beside(node, value) for key, value in {**keys, "address": where or written.host}.items()}

    def _agreed(self, own: Fields, written: Mapping[str, str | int]) -> dict[str, str | int]:
        """Return what is *written* in an address and not said by *own* too; takes out of *own* what contradicts it."""
        keys = dict(written)
        both = {key: own[key] for key in written if key in own}
        said, bad = self._reader.check(Means, {key: node for key, node in both.items() if key in Means.model_fields})
        for key, node in both.items():
            value = node.plain() if said is None or key not in Means.model_fields else getattr(said, key)
            if key not in bad and str(value) == str(written[key]):
                del keys[key]
                continue
            del own[key]
            if key not in bad:
                message = f"`{key}` is {shown(value)}, the address says `{written[key]}`"
                self._reader.mistake(message, node, "take one of them away")
        return keys

    def _of_system(self, own: Fields, node: Node) -> list[Fields]:
        """Return the keys of each of the system's resolvers; where there are several their names get a number."""
        found = self._reader.attempt("address", node, lambda _: addresses.system()) or ()
        usable = [address for address in found if self._is_usable(node, address)]
        name = own.get("name")
        places: list[Fields] = []
        for number, address in enumerate(usable, 1):
            places.append({"address": _beside(node, address)})
            if name is not None and len(usable) > 1:
                places[-1]["name"] = _beside(name, f"{name.value}-{number}")
        return places or [{}]

    def _is_usable(self, node: Node, address: str) -> bool:
        try:
            ip_address(address)
        except RefusedError as refused:
            self._reader.warning(f"one of the system's resolvers is left out: {refused}: `{address}`", node)
            return False
        return True

    def _over(self, own: Fields, found: Fields, ways: Ways) -> Iterator[Asked]:
        """Yield the resolver that *found* says, over its own transport and over each of *ways*."""
        resolver = self._reader.check(Resolver, found)[0]
        if resolver is None:
            return
        at = own["name"]
        yield Asked(self._with_ca(resolver, found), at, own=True)
        for transport, said in ways.items():
            if transport != resolver.transport:
                kept = {key: node for key, node in found.items() if key not in ("transport", "port")}
                way = {**kept, **said, "transport": _beside(at, str(transport))}
                other = self._reader.check(Resolver, way)[0]
                if other is not None:
                    yield Asked(self._with_ca(other, way), at, own=False)

    def _warn_useless(self, transports: list[TransportName], said: Fields) -> None:
        for key, where in USELESS.items():
            if transports and key in said and said[key].value is not None and set(transports) <= set(where):
                over = " and ".join(dict.fromkeys(map(str, transports)))
                self._reader.warning(f"`{key}` changes nothing over {over}", said[key])

    def _with_ca(self, resolver: Resolver, found: Fields) -> Resolver:
        """Return *resolver* with `ca` seen from where the command runs; notes what is wrong with the file."""
        if resolver.ca is None:
            return resolver
        path = self._reader.folder / resolver.ca
        if resolver.transport not in DO53 and id(found["ca"]) not in self._authorities:
            self._authorities.add(id(found["ca"]))
            self._reader.attempt("ca", found["ca"], lambda _: _authorities(path))
        return resolver.model_copy(update={"ca": str(path)})


def shared(reader: Reader, node: Node, what: str) -> Fields:
    """Return the good fields of `defaults` or of a group; `also` is looked at where entries take it."""
    found = reader.fields(node, Shared, what)
    bad = reader.check(Shared, {key: value for key, value in found.items() if key != "also"})[1]
    return {key: value for key, value in found.items() if key not in bad}


def _authorities(path: Path) -> None:
    """Read the certificates in *path* as OpenSSL will; raises RefusedError."""
    hint = "a file of certificates in PEM: each begins with `-----BEGIN CERTIFICATE-----`"
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cafile=path)
    except ssl.SSLError:
        raise RefusedError("a file that holds no certificate", hint) from None
    except OSError as error:
        raise RefusedError(f"a file that cannot be read ({error.strerror})", hint) from None


def _beside(node: Node, value: str | int) -> Node:
    """Return a node for *value* where *node* stands."""
    return Node(node.line, node.column, value)
