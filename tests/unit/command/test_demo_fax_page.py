"""The page that the demo faxes can be sent, and says what it is to say."""

from __future__ import annotations

from pathlib import Path

from PIL import Image

from asterism.command.demo.fax_page import HEIGHT, WIDTH, sample_page
from asterism.media.fax.documents import count_pages, join_documents


def test_it_is_a_page_of_a_fax(tmp_path: Path) -> None:
    path = tmp_path / "page.tif"
    path.write_bytes(sample_page())
    assert len(path.read_bytes()) < 5000
    assert count_pages(path) == 1
    join_documents([path, path], tmp_path / "two.tif")
    for name, pages in (("page.tif", 1), ("two.tif", 2)):
        with Image.open(tmp_path / name) as image:
            assert (image.size, image.mode, image.info["dpi"]) == ((WIDTH, HEIGHT), "1", (204, 98))
            assert getattr(image, "n_frames", 1) == pages
            black = image.histogram()[0]
            assert 0.05 < black / (WIDTH * HEIGHT) < 0.5
            assert image.getpixel((85, 500)) == 0  # the frame
            assert image.getpixel((20, 20)) != 0
