"""The sizes of the pieces that a stream arrives in, as the targets read them."""


def cut(*sizes):
    """The sizes of the pieces that a stream arrives in."""
    return bytes([len(sizes), *(size - 1 for size in sizes)])


WHOLE = cut()
BYTES = cut(1)
