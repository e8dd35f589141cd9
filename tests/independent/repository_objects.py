"""The objects of a repository: records, keys, packs with their parity, snapshots, chunks. See reader.py beside it.

The sections (§) are those of docs/format.md.
"""

import collections
import hashlib
import hmac
import json
import os
import pathlib
import struct
import sys

import zstandard
from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat


DATA, TREE, LIST = 1, 2, 3  # Types of chunks.


class Damaged(Exception):
    """Bytes are not what the format says, and no copy and no parity brings them back."""


class Refused(Exception):
    """The question cannot be answered: a wrong key, an unknown point, a format that is newer."""


# ---- bytes (§2) ---------------------------------------------------------------------------------------------------

class Input:
    """Takes values off the front of bytes; whatever is not there is damage."""

    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, size):
        if size > len(self.data) - self.at:
            raise Damaged("bytes end too early")
        self.at += size
        return self.data[self.at - size:self.at]

    def number(self, form):
        return struct.unpack("<" + form, self.take(struct.calcsize("<" + form)))[0]

    def u8(self):
        return self.take(1)[0]

    def u32(self):
        return self.number("I")

    def u64(self):
        return self.number("Q")

    def i64(self):
        return self.number("q")

    def varint(self):
        value = shift = 0
        while True:
            byte = self.u8()
            value |= (byte & 0x7f) << shift
            shift += 7
            if not byte & 0x80:
                if value >> 64 or (byte == 0 and shift > 7):
                    raise Damaged("a number is not canonical")
                return value
            if shift > 63:
                raise Damaged("a number is too long")

    def zigzag(self):
        value = self.varint()
        return (value >> 1) ^ -(value & 1)

    def bytes(self):
        return self.take(self.varint())

    def text(self):
        return self.bytes().decode("utf-8", "surrogateescape")

    def times(self, read):
        """As many values as the count says that comes first."""
        return [read() for _ in range(self.varint())]

    def finish(self):
        if self.at != len(self.data):
            raise Damaged("bytes follow where nothing should")


def sha256(data):
    return hashlib.sha256(data).digest()


def hkdf(secret, salt, context):
    """HKDF-SHA256 of 32 bytes: one block of output is enough."""
    return hmac.digest(hmac.digest(salt or bytes(32), secret, "sha256"), context + b"\x01", "sha256")


def unseal(key, associated, sealed):
    """AES-256-GCM with the nonce of twelve zeros; None if the bytes or the key are not genuine."""
    try:
        return AESGCM(key).decrypt(bytes(12), bytes(sealed), bytes(associated))
    except (InvalidTag, ValueError):
        return None


def is_signed(public_key, signed):
    """Whether bytes end in a signature over all that is before it."""
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(bytes(signed[-64:]), bytes(signed[:-64]))
        return True
    except InvalidSignature:
        return False


# ---- objects and records (§3) -------------------------------------------------------------------------------------

HEADER = struct.Struct("<4sBBHI")
CONFIG, SLOT, SNAPSHOT, TOMB, TRAILER, HOLD = 1, 2, 4, 7, 9, 10


class Store:
    """The objects of a repository that lies in a folder."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        if not (self.folder / "config").is_dir():
            raise Refused(f"{folder} is no repository: there is no folder config/ in it")

    def paths(self, kind):
        """Names below `kind`/, sorted, and where they lie. On a disk packs are in folders by their first digits."""
        top = self.folder / kind
        found = {str(path.relative_to(top)): path for path in sorted(top.rglob("*")) if path.is_file()}
        return {name.split("/")[-1]: path for name, path in found.items()} if kind == "pack" else found

    def records(self, kind, number, accept):
        """The first copy of each record that `accept(name, record)` believes. Others are told and passed over."""
        for name, path in self.paths(kind).items():
            record = next((each for each in copies(path.read_bytes(), number) if accept(name, each)), None)
            if record is None:
                tell(f"{kind}/{name}: no copy of it is genuine; passed over")
            else:
                yield name, record


def copies(stored, kind):
    """Everything in an object that looks like a copy of its record: at its start, in its middle, at any sector."""
    for at in dict.fromkeys((0, len(stored) // 2, *range(0, len(stored), 4096))):
        if len(stored) - at < HEADER.size:
            continue
        magic, its_kind, version, zero, length = HEADER.unpack_from(stored, at)
        if (magic, its_kind, version, zero) == (b"RPRV", kind, 1, 0) and length <= len(stored) - at - HEADER.size:
            yield stored[at:at + HEADER.size + length]


def is_named(name, record):
    return sha256(record).hex() == name


def tell(text):
    print(f"reader: {text}", file=sys.stderr)


# ---- keys (§4) ----------------------------------------------------------------------------------------------------

Credentials = collections.namedtuple("Credentials", "role repository root id_key meta_keys private_keys seed")
HANDOVER = "handover"
ROLES = {1: "writer", 2: "pruner", 3: "reader", 4: "admin"}


def ed25519_public(seed):
    return Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)


def passphrase_secret(passphrase, salt, memory_kib, passes):
    if not (8 * 1024 <= memory_kib <= 1024 * 1024 and 1 <= passes <= 10):
        raise Damaged("a slot asks for costs that no slot has")
    import argon2.low_level  # Whoever has a key file does not need it.
    return argon2.low_level.hash_secret_raw(passphrase, salt, time_cost=passes, memory_cost=memory_kib, parallelism=1,
                                            hash_len=32, type=argon2.low_level.Type.ID, version=0x13)


def key_file_secret(path):
    for line in pathlib.Path(path).read_text(encoding="utf-8").splitlines():
        words = line.split()
        if len(words) == 2 and words[0] == "reprieve-key-1":
            return bytes.fromhex(words[1])
    raise Refused(f"{path} is no key file of reprieve")


def public_half(private):
    return X25519PrivateKey.from_private_bytes(private).public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)


def agreement(private, public, purpose, repository):
    """S between our private key and somebody's throw-away public one."""
    try:
        agreed = X25519PrivateKey.from_private_bytes(private).exchange(X25519PublicKey.from_public_bytes(public))
    except ValueError as error:
        raise Damaged("a public key that no key gives") from error
    return hkdf(agreed, b"", purpose + repository + public + public_half(private))


def open_slot(record, passphrase, key_file):
    """The credentials that a slot holds, or None if the key is for another."""
    fields = Input(record)
    fields.take(HEADER.size + 16)
    kind, secret = fields.u8(), None
    if kind == 1:
        salt, memory_kib, passes = fields.take(16), fields.u32(), fields.u32()
        if passphrase is not None:
            secret = passphrase_secret(passphrase, salt, memory_kib, passes)
    elif kind == 2:
        salt, hint = fields.take(32), fields.take(8)
        if key_file is not None and hint == sha256(b"reprieve hint" + key_file)[:8]:
            secret = key_file
    elif kind == 3:
        recipient, public, commitment, salt = fields.take(32), fields.take(32), fields.take(32), b""
        own = hkdf(key_file, b"", b"reprieve recipient secret") if key_file is not None else None
        if own is not None and public_half(own) == recipient:
            secret = agreement(own, public, b"reprieve recipient", record[HEADER.size:HEADER.size + 16])
            if hmac.digest(secret, b"reprieve commitment", "sha256") != commitment:
                secret = None
    if secret is None:
        return None
    fields.text(), fields.i64()
    length = fields.varint()
    plain = unseal(hkdf(secret, salt, b"reprieve slot"), record[:fields.at], fields.take(length))
    return None if plain is None else parse_credentials(plain)


def parse_credentials(plain):
    fields = Input(plain)
    if fields.u8() != 1:
        raise Refused("these credentials are of a newer version")
    role, repository, root, has = fields.u8(), fields.take(16), fields.take(32), fields.u8()
    id_key, meta_keys, private_keys = None, {}, {}
    if has & 1:
        id_key = fields.take(32)
        fields.take(32)  # K_chunk: only who cuts needs it.
    if has & 2:
        meta_keys = dict(fields.times(lambda: (fields.u32(), fields.take(32))))
    if has & 4:
        private_keys = dict(fields.times(lambda: (fields.u32(), fields.take(32))))
    seed = fields.take(32) if has & 8 else None
    return Credentials(role, repository, root, id_key, meta_keys, private_keys, seed)


# ---- parity (§6) --------------------------------------------------------------------------------------------------
# GF(2^8) with the polynomial x^8 + x^4 + x^3 + x^2 + 1.

EXPONENTS = [1]
for _ in range(254):
    doubled = EXPONENTS[-1] << 1
    EXPONENTS.append(doubled ^ 0x11d if doubled & 0x100 else doubled)
LOGARITHMS = {value: power for power, value in enumerate(EXPONENTS)}


def multiply(a, b):
    return EXPONENTS[(LOGARITHMS[a] + LOGARITHMS[b]) % 255] if a and b else 0


def inverse(a):
    return EXPONENTS[-LOGARITHMS[a] % 255]


def coefficient(row, column):
    """Of the Cauchy matrix: parity shard number `row - k` is the sum of coefficient(row, j) * shard j, row from k on."""
    return inverse(row ^ column)


def scaled(factor, shard):
    """A shard times a number, as an integer: one translation by a table, and XOR of integers adds."""
    return int.from_bytes(shard.translate(bytes(multiply(factor, byte) for byte in range(256))), "little")


def inverted(matrix):
    """Gauss and Jordan; what is left of a Cauchy matrix always has an inverse."""
    size = len(matrix)
    rows = [list(row) + [int(i == j) for j in range(size)] for i, row in enumerate(matrix)]
    for column in range(size):
        pivot = next(i for i in range(column, size) if rows[i][column])
        rows[column], rows[pivot] = rows[pivot], rows[column]
        factor = inverse(rows[column][column])
        rows[column] = [multiply(factor, value) for value in rows[column]]
        for i in range(size):
            if i != column and rows[i][column]:
                factor = rows[i][column]
                rows[i] = [a ^ multiply(factor, b) for a, b in zip(rows[i], rows[column])]
    return [row[size:] for row in rows]


def rebuild(k, shards):
    """Fills in the data shards (the first k) that are None, from the others and from parity."""
    missing = [j for j in range(k) if shards[j] is None]
    rows = [i for i in range(k, len(shards)) if shards[i] is not None][:len(missing)]
    if len(rows) < len(missing):
        raise Damaged(f"{len(missing)} data shards are lost and {len(rows)} of parity are left")
    size = len(next(shard for shard in shards if shard is not None))
    sums = []  # Of each row: what the missing shards, times their coefficients, add up to.
    for i in rows:
        total = int.from_bytes(shards[i], "little")
        for j in range(k):
            if shards[j] is not None:
                total ^= scaled(coefficient(i, j), shards[j])
        sums.append(total.to_bytes(size, "little"))
    for j, row in zip(missing, inverted([[coefficient(i, j) for j in missing] for i in rows])):
        total = 0
        for factor, each in zip(row, sums):
            total ^= scaled(factor, each)
        shards[j] = total.to_bytes(size, "little")


# ---- packs (§6) ---------------------------------------------------------------------------------------------------

Label = collections.namedtuple("Label", "size writer session trailer_offset trailer_size shard k m keys hashes")
Frame = collections.namedtuple("Frame", "offset sealed raw codec type key salt")
Place = collections.namedtuple("Place", "pack frame offset length type")


def parse_label(data):
    """Proved by its hash already."""
    fields = Input(data[:-64])
    if fields.take(4) != b"RPPK" or fields.u8() != 1:
        raise Refused("a pack is of a newer version")
    fields.take(3)
    size, _, writer, session = fields.u32(), fields.take(16), fields.take(16), fields.take(32)
    trailer_offset, trailer_size, shard = fields.u32(), fields.u32(), fields.u32()
    k, m, keys = fields.number("H"), fields.number("H"), fields.number("H")
    keys = [(fields.take(32), fields.u32(), fields.take(16)) for _ in range(keys)]
    hashes = [fields.take(32) for _ in range(k + m)]
    fields.finish()
    return Label(size, writer, session, trailer_offset, trailer_size, shard, k, m, keys, hashes)


class Pack:
    """One pack: its label proved by its name, its shards by the label. What is damaged is healed in memory."""

    def __init__(self, name, path, repository):
        self.name, self.path = name, path
        self.body = None  # The whole one, once something in it was damaged.
        self.frames = []
        with open(path, "rb") as file:
            self.total = os.fstat(file.fileno()).st_size
            first = self._label_at(file, 0)
            raw = first or self._label_at_end(file)
        if raw is None:
            raise Damaged(f"pack/{name}: neither of its labels is genuine")
        member = repository.members.get(raw[28:44])
        if raw[12:28] != repository.id or member is None or not is_signed(member.key, raw):
            raise Damaged(f"pack/{name}: it is not signed by a member of this repository")
        self.label = parse_label(raw)
        whole = 2 * len(raw) + (self.label.k + self.label.m) * self.label.shard + 8
        # Where the object would begin: its end may be cut off, or, if only the second label is left, its beginning.
        self.start = 0 if first else self.total - whole
        self.session_keys = [repository.session_key(*key) for key in self.label.keys]

    def _label_at(self, file, at):
        if at < 0 or self.total - at < 12:
            return None
        file.seek(at)
        head = file.read(12)
        size = struct.unpack_from("<I", head, 8)[0]
        if head[:4] != b"RPPK" or size > self.total - at:
            return None
        file.seek(at)
        raw = file.read(size)
        return raw if is_named(self.name, raw) else None

    def _label_at_end(self, file):
        if self.total < 8:
            return None
        file.seek(self.total - 8)
        size, magic = struct.unpack("<I4s", file.read(8))
        return self._label_at(file, self.total - 8 - size) if magic == b"RPPE" else None

    def read(self, offset, size):
        """Bytes of the body, as they lie in the object."""
        if self.body is not None:
            return self.body[offset:offset + size]
        at = self.start + self.label.size + offset
        if at < 0:
            return b""
        with open(self.path, "rb") as file:
            file.seek(at)
            return file.read(size)

    def heal(self):
        """Reads all shards and brings back those whose hash is wrong; how many those were."""
        label = self.label
        shards = [self.read(number * label.shard, label.shard) for number in range(label.k + label.m)]
        bad = [number for number, shard in enumerate(shards) if sha256(shard) != label.hashes[number]]
        for number in bad:
            shards[number] = None
        try:
            rebuild(label.k, shards)
        except Damaged as error:
            raise Damaged(f"pack/{self.name}: {error}") from None
        if any(sha256(shards[number]) != label.hashes[number] for number in range(label.k)):
            raise Damaged(f"pack/{self.name}: its parity does not fit")
        self.body = b"".join(shards[:label.k])
        if bad:
            tell(f"pack/{self.name}: shards {bad} are damaged; healed from parity")
        return len(bad)

    def unsealed(self, offset, size, unseal_it):
        """What is sealed at a place of the body, healed if it does not open as it lies there."""
        plain = unseal_it(self.read(offset, size))
        if plain is None and self.body is None:
            self.heal()
            plain = unseal_it(self.read(offset, size))
        if plain is None:
            raise Damaged(f"pack/{self.name}: what lies at byte {offset} does not open")
        return plain

    def places(self, repository):
        """The chunks that its trailer names: (id, place)."""
        associated = repository.id + self.label.session
        plain = self.unsealed(self.label.trailer_offset, self.label.trailer_size,
                              lambda sealed: repository.unseal_meta(TRAILER, associated, sealed))
        fields = Input(plain)
        if fields.u8() != 1:
            raise Refused("a trailer is of a newer version")
        self.frames = fields.times(lambda: Frame(fields.varint(), fields.varint(), fields.varint(), fields.u8(),
                                                 fields.u8(), fields.varint(), fields.take(16)))
        for _ in range(fields.varint()):
            chunk, kind = fields.take(32), fields.u8()
            yield chunk, Place(self, fields.varint(), fields.varint(), fields.varint(), kind)

    def frame(self, number, repository_id):
        """The plaintext of one frame."""
        frame = self.frames[number]
        session, epoch = self.session_keys[frame.key]
        if session is None:
            raise Refused("these credentials cannot read data: they hold no private key of the epoch")
        associated = repository_id + struct.pack("<IBBI", epoch, frame.type, frame.codec, frame.raw)
        key = hkdf(session, frame.salt, b"reprieve frame")
        payload = self.unsealed(frame.offset, frame.sealed, lambda sealed: unseal(key, associated, sealed))
        if frame.codec == 1:
            payload = zstandard.ZstdDecompressor().decompress(payload, max_output_size=frame.raw)
        if len(payload) != frame.raw:
            raise Damaged(f"pack/{self.name}: frame {number} has another length than the trailer says")
        return payload


# ---- config, snapshots, chunks (§5, §8) ---------------------------------------------------------------------------

Member = collections.namedtuple("Member", "role key is_revoked name last")
Point = collections.namedtuple("Point", "id writer seq session is_final previous time root depth description note")


class Repository:

    def __init__(self, store, passphrase=None, key_file=None):
        self.store = store
        self.credentials = self._unlock(passphrase, key_file)
        self.id = self.credentials.repository
        self.members = self._config()
        self.chunks = None  # id -> places
        self.open_frames = collections.OrderedDict()

    def _unlock(self, passphrase, key_file):
        opened = []
        for _, record in self.store.records("slots", SLOT, is_named):
            credentials = open_slot(record, passphrase, key_file)
            if credentials:
                opened.append(credentials)
        # A slot that an interrupted `init` left behind is of a repository that has no config.
        for credentials in opened:
            if any(True for _ in self._configs(credentials)):
                return credentials
        raise Refused("no slot opens with this key")

    def _configs(self, credentials):
        def accept(name, record):
            return is_signed(credentials.root, record) and record[HEADER.size:HEADER.size + 16] == credentials.repository
        return self.store.records("config", CONFIG, accept)

    def _config(self):
        """The members of the newest config, by the id with which they sign."""
        record = max(self._configs(self.credentials))[1]
        fields = Input(record[:-64])
        fields.take(HEADER.size + 16)
        version = fields.u32()
        fields.take(8 + 32 + 8)
        required = fields.times(fields.text)
        if version != 1 or set(required) - {HANDOVER}:
            raise Refused(f"format {version} with {required}: this reader knows format 1 with no feature but {HANDOVER}")
        fields.times(fields.text)
        if fields.take(32) != self.credentials.root:
            raise Damaged("the config names another root key than the credentials")
        epochs = fields.times(lambda: (fields.u32(), fields.take(32)))

        def member():
            role, key, state, name = fields.u8(), fields.take(32), fields.u8(), fields.text()
            return sha256(key)[:16], Member(role, key, state == 2, name, fields.u64() if state == 2 else None)

        members = dict(fields.times(member))
        fields.take(3 * 4 + 4)  # What a chunker cuts by.
        if HANDOVER in required:
            handovers = fields.times(lambda: (fields.take(16), fields.take(32), fields.take(fields.varint())))
            self._take_over(handovers, epochs[-1][0])
        root = self.credentials.root  # It signs indexes and tombs, never data.
        return members | {sha256(root)[:16]: Member(0, root, False, "root", None)}

    # -- keys

    def _take_over(self, handovers, epoch):
        """Adds the keys of epochs that began after the slot was made: sealed to the member's Ed25519 key as X25519."""
        own = self.credentials
        for member, public, sealed in handovers:
            if own.seed is None or sha256(ed25519_public(own.seed))[:16] != member:
                continue
            private = hashlib.sha512(own.seed).digest()[:32]
            shared = agreement(private, public, b"reprieve handover", own.repository)
            plain = unseal(hkdf(shared, b"", b"reprieve handover"), own.repository + struct.pack("<I", epoch) + member,
                           sealed)
            if plain is None:
                raise Damaged("the keys that the config hands over do not open")
            news = parse_credentials(plain)
            own.meta_keys.update(news.meta_keys)
            own.private_keys.update(news.private_keys)

    def unseal_meta(self, kind, associated, sealed):
        """What is sealed under K_meta: u32 epoch | salt 32 | sealed."""
        key = self.credentials.meta_keys.get(struct.unpack_from("<I", sealed)[0]) if len(sealed) > 36 else None
        if key is None:
            return None
        return unseal(hkdf(key, sealed[4:36], b"reprieve meta" + bytes((kind,))), associated, sealed[36:])

    def session_key(self, public, epoch, commitment):
        """S, from which the keys of a session's frames are derived, and its epoch; None if R_sk is not ours."""
        private = self.credentials.private_keys.get(epoch)
        if private is None:
            return None, epoch
        ours = X25519PrivateKey.from_private_bytes(private)
        context = b"reprieve session" + self.id + struct.pack("<I", epoch) + public
        shared = ours.exchange(X25519PublicKey.from_public_bytes(public))
        session = hkdf(shared, b"", context + ours.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw))
        if hmac.digest(session, b"reprieve commitment", "sha256")[:16] != commitment:
            raise Damaged("a session's key is not the one that it is committed to")
        return session, epoch

    # -- snapshots

    def points(self):
        """All genuine snapshots, newest first."""
        def accept(name, record):
            writer = record[HEADER.size + 16:HEADER.size + 32]
            seq = struct.unpack_from("<Q", record, HEADER.size + 32)[0]
            member = self.members.get(writer)
            return (member is not None and name == f"{writer.hex()}/{seq:016}" and is_signed(member.key, record)
                    and record[HEADER.size:HEADER.size + 16] == self.id
                    and not (member.is_revoked and seq > member.last))

        found = [self._point(record) for _, record in self.store.records("snap", SNAPSHOT, accept)]
        notes = self._notes()
        for point, before in zip(found, [None] + found):
            follows = before is not None and before.writer == point.writer
            expected = before.id if follows and before.seq == point.seq - 1 else notes["chain"].get(
                (point.writer, point.seq - 1), bytes(32) if point.seq == 1 else None)
            if expected != point.previous:
                tell(f"point {point.id.hex()[:16]}: the one before it is missing, and no tomb says why")
        marked = [point._replace(note=notes["snapshot"].get(point.id, "")) for point in found]
        return sorted(marked, key=lambda point: point.time, reverse=True)

    def _point(self, record):
        fields = Input(record[:-64])
        fields.take(HEADER.size + 16)
        writer, seq, session, is_final, previous = (fields.take(16), fields.u64(), fields.take(32), fields.u8(),
                                                    fields.take(32))
        fields.times(lambda: fields.take(16 + 8 + 32))
        time = fields.i64()
        fields.u64()
        clear = record[HEADER.size:fields.at]
        summary = self.unseal_meta(SNAPSHOT, clear, fields.bytes())
        sealed = Input(fields.bytes())
        fields.finish()
        if summary is None:
            raise Refused("these credentials cannot read metadata")
        public, epoch, commitment, salt = sealed.take(32), sealed.u32(), sealed.take(16), sealed.take(16)
        key, _ = self.session_key(public, epoch, commitment)
        description = key and unseal(hkdf(key, salt, b"reprieve frame"), clear, sealed.data[sealed.at:])
        return Point(sha256(record), writer, seq, session, bool(is_final), previous, time, summary[:32], summary[32],
                     json.loads(description) if description else {}, "")

    def _notes(self):
        """What tombs and holds say: snapshots deleted on purpose, or held; and the links that deletion took out."""
        notes, held = {"snapshot": {}, "chain": {}}, {}

        def accept(name, record):
            member = self.members.get(record[HEADER.size + 16:HEADER.size + 32])
            return is_named(name, record) and member is not None and is_signed(member.key, record)

        for _, record in self.store.records("tomb", TOMB, accept):
            fields = Input(record[HEADER.size + 32:-64])
            if fields.u8() == 2:
                writer, seq, point = fields.take(16), fields.u64(), fields.take(32)
                notes["snapshot"][point] = "deleted"
                notes["chain"][writer, seq] = point
        for name, record in self.store.records("hold", HOLD, accept):
            fields = Input(record[HEADER.size + 32:-64])
            what, target = fields.u8(), fields.take(32)
            held[bytes.fromhex(name)] = (what, target)
        released = {target for what, target in held.values() if what == 2}
        for hold, (what, target) in held.items():
            if what == 1 and hold not in released:
                notes["snapshot"][target] = "held"
        return notes

    # -- chunks

    def load_packs(self):
        """Reads the trailers of all packs: where each chunk lies. About 500 bytes of memory for each chunk."""
        self.chunks, lost = {}, 0
        for name, path in self.store.paths("pack").items():
            try:
                pack = Pack(name, path, self)
                for chunk, place in pack.places(self):
                    self.chunks.setdefault(chunk, []).append(place)
            except Damaged as error:
                tell(str(error))
                lost += 1
        return lost

    def chunk(self, chunk_id, kind):
        """The plaintext of a chunk from the first pack that has it whole."""
        if self.chunks is None:
            self.load_packs()
        why = "no pack has it"
        for place in self.chunks.get(chunk_id, ()):
            try:
                raw = self._frame(place.pack, place.frame)
            except Damaged as error:
                why = str(error)
                continue
            plain = raw[place.offset:place.offset + place.length]
            if place.type == kind and hmac.digest(self.credentials.id_key, bytes((kind,)) + plain, "sha256") == chunk_id:
                return plain
            why = "its bytes are not those of its id"
        raise Damaged(f"chunk {chunk_id.hex()}: {why}")

    def _frame(self, pack, number):
        key = (pack.name, number)
        if key not in self.open_frames:
            self.open_frames[key] = pack.frame(number, self.id)
            while len(self.open_frames) > 32:
                self.open_frames.popitem(last=False)
        self.open_frames.move_to_end(key)
        return self.open_frames[key]

    def leaves(self, chunk_id, length, depth):
        """The chunks below a list of that depth, in order: (id, length). Depth 0 is the chunk itself."""
        if depth == 0:
            yield chunk_id, length
            return
        fields = Input(self.chunk(chunk_id, LIST))
        if fields.u8() != 1:
            raise Refused("a list is of a newer version")
        for child, size in fields.times(lambda: (fields.take(32), fields.varint())):
            yield from self.leaves(child, size, depth - 1)
        fields.finish()
