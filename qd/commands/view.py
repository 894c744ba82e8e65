"""``qd view``: a run as a page to look at, as one file or followed while it goes."""

from __future__ import annotations

import argparse
from pathlib import Path

from qd.errors import QDError
from qd.store.files import write_atomic


def view(args: argparse.Namespace, rest: list[str]) -> int:
    """``qd view RUN``."""
    if args.serve:
        if args.out is not None:
            raise QDError("--out: with --serve nothing is written; leave one of the two out")
        return _serve(args)
    if args.port is not None:
        raise QDError("--port: is of --serve; give that too, or leave it out")
    from qd.view.viewer.document import Page
    from qd.view.viewer.html import html

    page = Page(args.run, args.replays)
    out = page.folder.path / "view.html" if args.out is None else Path(args.out)
    if out.is_dir():
        raise QDError(f"--out {out}: is a folder; name a file in it, such as {out / 'view.html'}")
    text = html(page.packed(), page.folder.path.name)
    try:
        write_atomic(out, text, sync=False)
    except OSError as error:
        raise QDError(f"--out {out}: cannot be written: {error.strerror or error}") from error
    if not args.quiet:
        for note in page.notes:
            print(note)
        print(f"{out}: {len(text) / 1e6:.1f} MB, opens in any browser")
    return 0


def _serve(args: argparse.Namespace) -> int:
    from qd.view.viewer.serving import RunServer

    with RunServer(args.run, 0 if args.port is None else args.port, args.replays) as server:
        print(f"{server.address}  (Ctrl-C ends it)", flush=True)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            print()
    return 0
