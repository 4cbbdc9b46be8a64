"""Sequences of operations on the queue and its budgets."""


def operations(limit, *steps):
    return bytes([limit]) + b"".join(steps)


def push(*payloads, connection=0):
    return bytes([len(payloads) - 1 | connection << 4]) + b"".join(payload.to_bytes(2, "big") for payload in payloads)


def do(what, connection=0, reader=0):
    return bytes([what | connection << 4 | reader << 5])


TAKE, DROP, DROP_LAST, ADMIT, IDLE, WAIT = 5, 7, 9, 10, 12, 15


def queue_seeds():
    fill = push(10) + do(ADMIT)
    drain = do(TAKE) + do(DROP) * 4
    return {
        "nothing": operations(0),
        "deferred": operations(0, push(0, 8, 16), do(WAIT), drain, do(WAIT)),
        "events": operations(0, push(10), push(11, 12), do(WAIT), do(TAKE), do(DROP) * 3, do(IDLE)),
        "uncharged": operations(3, push(1, 9), do(ADMIT), do(TAKE)),
        "empty-push": operations(0, do(4), do(WAIT), do(TAKE)),
        "rests-and-goes-on": operations(4, fill * 3, drain, do(ADMIT)),
        "rests-at-one": operations(2, fill * 2, do(TAKE), do(DROP), do(ADMIT)),
        "limit-0": operations(1, do(ADMIT), push(2), do(TAKE), do(DROP), do(ADMIT)),
        "wakes-at-half": operations(
            0, push(250) * 3, do(ADMIT), do(TAKE), do(DROP), do(ADMIT), do(DROP) * 2, do(ADMIT)
        ),
        "two-connections": operations(
            3, push(10), push(10, connection=1), do(ADMIT), do(ADMIT, 1, 1), do(TAKE), do(DROP), do(DROP)
        ),
        "two-readers": operations(3, push(10), do(ADMIT), do(ADMIT, 0, 1), do(TAKE), do(DROP)),
        "idle-then-woken": operations(6, push(10, 11), do(IDLE), do(TAKE), do(DROP), do(DROP), do(IDLE)),
        "from-behind": operations(4, push(10, 11, 12, 13), do(ADMIT), do(TAKE), do(DROP_LAST) * 4),
        "nobody-waits": operations(3, do(IDLE), bytes([13, 0, 200]), do(ADMIT), bytes([13, 255, 255])),
        "large": operations(5, push(65535) * 2, do(ADMIT), do(TAKE), do(DROP), do(ADMIT)),
        "left-over": operations(4, push(10, 11), do(ADMIT), do(TAKE), push(12, 13), do(ADMIT, 0, 1)),
        "many": operations(0, (push(10, 0, 1) + do(ADMIT) + do(TAKE) + do(DROP) * 3) * 40),
    }
