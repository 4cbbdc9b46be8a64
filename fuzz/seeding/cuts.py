"""The sizes of the pieces in which a stream arrives, in the format that the targets read."""


def cut(*sizes):
    """Returns the sizes in the format of the targets."""
    return bytes([len(sizes), *(size - 1 for size in sizes)])


WHOLE = cut()
BYTES = cut(1)
