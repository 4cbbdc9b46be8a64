"""Messages for the benchmarks: JSON like that of stock exchanges, the same bytes in every run.

    messages.py SIZE COUNT FILE

Writes COUNT messages of about SIZE bytes (200, 2048 or 204800), one on each line. By their size these are trades,
updates of an order book, or lists of instruments, each with different numbers.
"""

import json
import random
import sys

SYMBOLS = [base + "-" + quote for base in ("BTC", "ETH", "SOL", "XRP", "ADA", "LTC") for quote in ("USD", "EUR", "GBP")]


class Market:
    """Makes numbers that move like prices. Uses only random(), which gives the same numbers in every Python."""

    def __init__(self, seed):
        self.random = random.Random(seed).random
        self.price = 64_000.0
        self.sequence = 8_100_000_000

    def below(self, limit):
        return int(self.random() * limit)

    def symbol(self):
        return SYMBOLS[self.below(len(SYMBOLS))]

    def next_price(self):
        self.price *= 1 + (self.random() - 0.5) / 5000
        return f"{self.price:.2f}"

    def next_sequence(self):
        self.sequence += 1 + self.below(40)
        return self.sequence

    def amount(self):
        return f"{10 ** (self.random() * 4 - 3):.8f}"

    def time(self):
        seconds = self.sequence // 400 % 86_400
        clock = f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"
        return f"2025-03-04T{clock}.{self.below(1_000_000):06}Z"

    def trade(self):
        return {
            "type": "match",
            "sequence": self.next_sequence(),
            "product_id": self.symbol(),
            "side": ("buy", "sell")[self.below(2)],
            "price": self.next_price(),
            "size": self.amount(),
            "best_bid": self.next_price(),
            "trade_id": 700_000_000 + self.below(90_000_000),
            "time": self.time(),
        }

    def levels(self, count):
        top = self.price
        return [[f"{top - index * 0.01 * (1 + self.below(9)):.2f}", self.amount()] for index in range(count)]

    def book_update(self):
        return {
            "type": "l2update",
            "sequence": self.next_sequence(),
            "product_id": self.symbol(),
            "time": self.time(),
            "last": self.next_price(),
            "bids": self.levels(37),
            "asks": self.levels(37),
        }

    def instrument(self):
        return {
            "product_id": self.symbol(),
            "sequence": self.next_sequence(),
            "status": ("online", "online", "online", "halted")[self.below(4)],
            "open": self.next_price(),
            "high": self.next_price(),
            "low": self.next_price(),
            "last": self.next_price(),
            "volume": round(self.random() * 1e6, 4),
            "change": round(self.random() * 10 - 5, 3),
            "bid": {"price": self.next_price(), "size": self.amount()},
            "ask": {"price": self.next_price(), "size": self.amount()},
            "time": self.time(),
        }

    def list_of_instruments(self):
        return {"type": "snapshot", "instruments": [self.instrument() for _ in range(676)]}


KINDS = {200: Market.trade, 2048: Market.book_update, 204_800: Market.list_of_instruments}


def main():
    size, count, path = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    market, make = Market(size), KINDS[size]
    with open(path, "w", encoding="ascii") as file:
        for _ in range(count):
            file.write(json.dumps(make(market), separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
