"""Answers of servers to the offer of permessage-deflate."""


def extension(*lines, offer=1, windows=(0, 0)):
    return bytes([offer, *windows]) + b"\n".join(line.encode() for line in lines)


def extension_seeds():
    name = "permessage-deflate"
    hard = {"offer": 3, "windows": (3, 3)}
    full = f"{name}; server_no_context_takeover; server_max_window_bits=10"
    return {
        # RFC 7692 section 7.1.
        "plain": extension(name),
        "not-offered": extension(name, offer=0),
        "with-own-window": extension(f"{name}; client_max_window_bits=12"),
        "all": extension(f"{full}; client_no_context_takeover; client_max_window_bits=10"),
        "asked-and-given": extension(full, **hard),
        "asked-and-more-given": extension(f"{full}; client_max_window_bits=8".replace("10", "9"), **hard),
        "asked-and-not-given": extension(name, **hard),
        "asked-and-too-little-given": extension(full.replace("10", "11"), **hard),
        "given-and-not-asked": extension(f"{name}; client_max_window_bits=10", windows=(8, 0)),
        "asked-and-too-large": extension(f"{full}; client_max_window_bits=15", **hard),
        "promised": extension(name, offer=5),
        "quoted": extension(f'{name}; client_max_window_bits="10"'),
        "quoted-with-backslash": extension(f'{name};\tclient_max_window_bits = "1\\0" '),
        "quoted-empty": extension(f'{name}; client_max_window_bits=""'),
        "quoted-without-end": extension(f'{name}; client_max_window_bits="10'),
        "quoted-comma": extension(f'{name}; x="a,b"'),
        "window-without-value": extension(f"{name}; server_max_window_bits"),
        "window-8": extension(f"{name}; server_max_window_bits=8"),
        "window-7": extension(f"{name}; server_max_window_bits=7"),
        "window-16": extension(f"{name}; server_max_window_bits=16"),
        "window-with-zero": extension(f"{name}; server_max_window_bits=08"),
        "window-with-sign": extension(f"{name}; server_max_window_bits=+9"),
        "window-huge": extension(f"{name}; server_max_window_bits=99999999999999999999"),
        "flag-with-value": extension(f"{name}; server_no_context_takeover=1"),
        "parameter-twice": extension(f"{name}; server_no_context_takeover; server_no_context_takeover"),
        "parameter-unknown": extension(f"{name}; mystery"),
        "parameter-long": extension(f"{name}; {'x' * 300}"),
        "parameter-empty": extension(f"{name};"),
        "name-unknown": extension("x-webkit-deflate-frame"),
        "name-in-capitals": extension("Permessage-Deflate"),
        "twice-in-a-line": extension(f"{name}, {name}"),
        "twice-in-lines": extension(name, name),
        "and-another": extension(f"{name}, mux; max-channels=4"),
        "empty-elements": extension(f" , {name} ,, "),
        "empty-line": extension(name, ""),
        "nothing": extension(""),
        "marks-alone": extension(";=,"),
        "not-ascii": extension(f"{name}; é"),
        "spaces": extension(f"  {name}  ;  client_max_window_bits  =  9  "),
    }
