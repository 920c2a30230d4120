"""The CRC-32 of pieces put together, from the CRC-32 of each: nothing is read again.

A CRC is the remainder of the data, taken as a polynomial over GF(2), by a fixed polynomial (RFC 1952, 8; APPNOTE
4.4.7). So the CRC of A followed by B is that of A times x to the number of B's bits, plus that of B. Polynomials stand
here as zlib keeps them: the highest bit is the coefficient of x to the power 0.
"""

from __future__ import annotations

from typing import Final

_POLYNOMIAL: Final = 0xEDB88320
ONE: Final = 1 << 31
"""The polynomial 1: the shift by no bytes."""


def multiply(left: int, right: int) -> int:
    """The product of two polynomials, modulo that of CRC-32."""
    product = 0
    bit = ONE
    while left:
        if left & bit:
            product ^= right
            left ^= bit
        bit >>= 1
        right = (right >> 1) ^ _POLYNOMIAL if right & 1 else right >> 1
    return product


def _powers() -> tuple[int, ...]:
    """x to the power of 8, 16, 32 ...: one byte, two, four ..."""
    power = ONE >> 1
    for _ in range(3):
        power = multiply(power, power)
    powers = [power]
    for _ in range(47):
        power = multiply(power, power)
        powers.append(power)
    return tuple(powers)


_POWERS: Final = _powers()


def shift_by(size: int) -> int:
    """What a CRC is multiplied with when `size` bytes follow."""
    shift = ONE
    at = 0
    while size:
        if size & 1:
            shift = multiply(_POWERS[at], shift)
        size >>= 1
        at += 1
    return shift
