#!/usr/bin/env python3
"""Makes two stores that no program at hand writes from one that OpenSSL has: sealed by PBMAC1 (RFC 9579), and in BER as
Bouncy Castle writes it, with lengths at the end and texts of bytes in pieces."""

import hashlib
import hmac


def read(data, at=0):
    """The tag, the content and the end of the value at `at`."""
    tag, first = data[at], data[at + 1]
    at += 2
    if first < 0x80:
        length = first
    else:
        count = first & 0x7F
        length = int.from_bytes(data[at : at + count], "big")
        at += count
    return tag, data[at : at + length], at + length


def values(content):
    at = 0
    while at < len(content):
        tag, value, at = read(content, at)
        yield tag, value


def der(tag, *contents):
    content = b"".join(contents)
    size = len(content)
    if size < 0x80:
        return bytes([tag, size]) + content
    digits = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(digits)]) + digits + content


def oid(text):
    first, second, *numbers = map(int, text.split("."))
    encoded = bytes([40 * first + second])
    for number in numbers:
        groups = [number & 0x7F]
        while number := number >> 7:
            groups.append(0x80 | number & 0x7F)
        encoded += bytes(reversed(groups))
    return der(6, encoded)


def integer(number):
    return der(2, number.to_bytes(number.bit_length() // 8 + 1, "big"))


def pieces(tag, content):
    """A text of bytes in two pieces."""
    half = len(content) // 2
    return bytes([tag, 0x80]) + der(4, content[:half]) + der(4, content[half:]) + b"\0\0"


def ber(content, opens):
    """Every value of `content` with its length at the end; `opens` says which texts hold values of their own."""
    out = b""
    for tag, value in values(content):
        if tag == 4 and opens:
            out += pieces(0x24, ber(value, False))
        elif tag == 0x80:
            out += pieces(0xA0, value)
        elif tag & 0x20 and tag != 0x31:
            out += bytes([tag, 0x80]) + ber(value, opens) + b"\0\0"
        else:
            out += der(tag, value)
    return out


store = open("openssl-unsealed.p12", "rb").read()
(_, version), (_, safe) = values(read(store)[1])
(_, kind), (_, content) = values(safe)
parts = read(content)[1]

salt = bytes(range(16))
key = hashlib.pbkdf2_hmac("sha256", b"changeit", salt, 2048, 32)
prf = der(0x30, oid("1.2.840.113549.2.9"), der(5))
derivation = der(0x30, oid("1.2.840.113549.1.5.12"), der(0x30, der(4, salt), integer(2048), integer(32), prf))
algorithm = der(0x30, oid("1.2.840.113549.1.5.14"), der(0x30, derivation, prf))
seal = der(0x30, algorithm, der(4, hmac.digest(key, parts, "sha256")))
mac = der(0x30, seal, der(4, b"NOT USED"), integer(1))
open("pbmac1.p12", "wb").write(der(0x30, der(2, version), der(0x30, *(der(t, v) for t, v in values(safe))), mac))

open("ber.p12", "wb").write(ber(store, True))
