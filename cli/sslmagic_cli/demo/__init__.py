"""`magic demo`: a client's address through TLS passthrough, for real and checked."""

from __future__ import annotations

import click

from sslmagic_cli.exits import Exit

__all__ = ["command"]


@click.command("demo")
@click.option("--plain", is_flag=True, help="Draw in ASCII, without colours.")
def command(*, plain: bool) -> None:
    """See a client's address arrive behind TLS passthrough.

    Starts a Python HTTPS backend on the library with a certificate authority of its
    own and real gateways in front of it, and sends TLS clients through. Everything
    listens on loopback and ends with the command. Each thing that is shown is checked;
    if one is not so, the command fails.
    """
    import time

    # Imported here, because they bring rich, and `magic --help` must not wait for it.
    from sslmagic_cli.demo import scenes
    from sslmagic_cli.demo.picture import Picture
    from sslmagic_cli.demo.stage import Stage

    began = time.monotonic()
    picture = Picture(plain=plain)
    claims: list[scenes.Claim] = []
    with Stage.set_up() as stage:
        picture.path(stage)
        alone = scenes.plain(stage)
        picture.plain(alone)
        enhanced = scenes.enhanced(stage)
        picture.enhanced(enhanced)
        formats = scenes.formats(stage)
        picture.formats(formats)
        spoofing = scenes.spoofing(stage)
        picture.spoofing(spoofing)
        clear = scenes.clear(stage)
        picture.clear(clear)
        for scene in (alone, enhanced, formats, spoofing, clear):
            claims += scene.claims
    picture.end(claims, time.monotonic() - began)
    failed = [claim.said for claim in claims if not claim.holds]
    if failed:
        click.echo(f"magic: the demo failed: it is not so that {failed[0]}", err=True)
        click.get_current_context().exit(Exit.FAULT)
