"""One server: `python -m tests.interop.serving.launch VARIANT PLACE`."""

from __future__ import annotations

import sys

from tests.interop.serving.place import Place
from tests.interop.serving.variants import VARIANTS


def main(name: str, place: str) -> None:
    (variant,) = (each for each in VARIANTS if each.name == name)
    variant.serve(Place.of(place))


if __name__ == "__main__":
    main(*sys.argv[1:])
