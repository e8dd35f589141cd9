"""A second reader of docs/format.md, as far as tests need one: from a repository and its key file to the root's seed.

Its cryptography is OpenSSL's library, which the program itself needs, so that Python's standard library is enough.
"""

import ctypes
import ctypes.util
import hashlib
import hmac
import pathlib
import struct

HEADER = struct.Struct("<4sBBHI")  # Magic, kind, version, zero, length of the body.
KIND_CONFIG, KIND_SLOT = 1, 2
KEY_FILE_SLOT = 2
TWIN_ALIGNMENT = 4096
SIGNATURE = 64
ED25519, GCM_SET_TAG = 1087, 0x11


def load_crypto():
    library = ctypes.CDLL(ctypes.util.find_library("crypto"))
    pointer, size = ctypes.c_void_p, ctypes.c_size_t
    library.EVP_CIPHER_CTX_new.restype = library.EVP_aes_256_gcm.restype = pointer
    library.EVP_MD_CTX_new.restype = library.EVP_PKEY_new_raw_private_key.restype = pointer
    library.EVP_DecryptInit_ex.argtypes = [pointer, pointer, pointer, ctypes.c_char_p, ctypes.c_char_p]
    library.EVP_DecryptUpdate.argtypes = [pointer, ctypes.c_char_p, ctypes.POINTER(ctypes.c_int), ctypes.c_char_p,
                                          ctypes.c_int]
    library.EVP_DecryptFinal_ex.argtypes = [pointer, ctypes.c_char_p, ctypes.POINTER(ctypes.c_int)]
    library.EVP_CIPHER_CTX_ctrl.argtypes = [pointer, ctypes.c_int, ctypes.c_int, ctypes.c_char_p]
    library.EVP_CIPHER_CTX_free.argtypes = library.EVP_MD_CTX_free.argtypes = [pointer]
    library.EVP_PKEY_free.argtypes = [pointer]
    library.EVP_PKEY_new_raw_private_key.argtypes = [ctypes.c_int, pointer, ctypes.c_char_p, size]
    library.EVP_DigestSignInit.argtypes = [pointer, pointer, pointer, pointer, pointer]
    library.EVP_DigestSign.argtypes = [pointer, ctypes.c_char_p, ctypes.POINTER(size), ctypes.c_char_p, size]
    return library


CRYPTO = load_crypto()


def hkdf(secret, salt, context):
    key = hmac.digest(salt or bytes(32), secret, "sha256")
    return hmac.digest(key, context + b"\x01", "sha256")


def unseal(key, associated, sealed):
    """AES-256-GCM with the nonce of zeros; None if the key is not the right one."""
    text, tag = sealed[:-16], sealed[-16:]
    context, out, length = CRYPTO.EVP_CIPHER_CTX_new(), ctypes.create_string_buffer(len(text) or 1), ctypes.c_int()
    try:
        CRYPTO.EVP_DecryptInit_ex(context, CRYPTO.EVP_aes_256_gcm(), None, key, bytes(12))
        CRYPTO.EVP_DecryptUpdate(context, None, length, associated, len(associated))
        CRYPTO.EVP_DecryptUpdate(context, out, length, text, len(text))
        CRYPTO.EVP_CIPHER_CTX_ctrl(context, GCM_SET_TAG, 16, tag)
        is_genuine = CRYPTO.EVP_DecryptFinal_ex(context, None, length) == 1
        return out.raw[:len(text)] if is_genuine else None
    finally:
        CRYPTO.EVP_CIPHER_CTX_free(context)


def sign(seed, message):
    key, context = CRYPTO.EVP_PKEY_new_raw_private_key(ED25519, None, seed, 32), CRYPTO.EVP_MD_CTX_new()
    out, length = ctypes.create_string_buffer(SIGNATURE), ctypes.c_size_t(SIGNATURE)
    try:
        assert CRYPTO.EVP_DigestSignInit(context, None, None, None, key) == 1
        assert CRYPTO.EVP_DigestSign(context, out, length, message, len(message)) == 1
        return out.raw
    finally:
        CRYPTO.EVP_MD_CTX_free(context)
        CRYPTO.EVP_PKEY_free(key)


def first_copy(stored):
    """The record in the first half of a twin, whose second half is proved to be the same."""
    size = HEADER.size + HEADER.unpack_from(stored)[4]
    second = -(-size // TWIN_ALIGNMENT) * TWIN_ALIGNMENT
    assert stored[second:second + size] == stored[:size]
    return stored[:size]


def twin(record):
    padded = record + bytes(-len(record) % TWIN_ALIGNMENT)
    return padded + padded


def signed_record(kind, body, seed):
    unsigned = HEADER.pack(b"RPRV", kind, 1, 0, len(body) + SIGNATURE) + body
    return unsigned + sign(seed, unsigned)


def varint(data, at):
    value = shift = 0
    while True:
        value |= (data[at] & 0x7f) << shift
        at, shift = at + 1, shift + 7
        if not data[at - 1] & 0x80:
            return value, at


def open_slot(record, secret):
    """The credentials in a slot, if it is one for this key file."""
    at = HEADER.size + 16
    salt, hint = record[at + 1:at + 33], record[at + 33:at + 41]
    if record[at] != KEY_FILE_SLOT or hint != hashlib.sha256(b"reprieve hint" + secret).digest()[:8]:
        return None
    label, at = varint(record, at + 41)
    length, at = varint(record, at + label + 8)
    return unseal(hkdf(secret, salt, b"reprieve slot"), record[:at], record[at:at + length])


def root_seed(repository, key_file):
    """The Ed25519 seed of the root, which the slot of an admin's key file holds."""
    line = next(line for line in pathlib.Path(key_file).read_text().splitlines() if line.startswith("reprieve-key-1 "))
    secret = bytes.fromhex(line.split()[1])
    for path in (pathlib.Path(repository) / "slots").iterdir():
        credentials = open_slot(first_copy(path.read_bytes()), secret)
        if credentials:
            assert credentials[0] == 1 and credentials[50] & 16, "an admin's credentials hold the root's seed"
            return credentials[-32:]
    raise AssertionError("no slot opens with the key file")
