import numpy as np
import pytest
from PIL import Image

from keras_ssl.data.image_files import check, read

# Left half dark, right half bright; 4 high, 8 wide.
HALVES = np.repeat(np.array([[40, 200]], np.uint8), 4, axis=0).repeat(4, axis=1)


def saved(folder, name, image, **options):
    path = folder / name
    image.save(path, **options)
    return path


@pytest.mark.parametrize("suffix", ["png", "bmp", "gif", "webp", "tif", "jpg", "ppm", "tga", "jp2"])
def test_formats(tmp_path, suffix):
    image = Image.fromarray(HALVES).convert("RGB")
    path = saved(tmp_path, f"a.{suffix}", image)
    assert check(path) == (4, 8, 3)
    np.testing.assert_allclose(read(path, None, 3)[..., 1], HALVES, atol=12)


@pytest.mark.parametrize(
    ("mode", "suffix", "channels"),
    [
        ("L", "png", 1),
        ("1", "png", 1),
        ("LA", "png", 1),
        ("RGBA", "png", 3),
        ("P", "png", 3),
        ("CMYK", "jpg", 3),
        ("YCbCr", "jpg", 3),
        ("CMYK", "tif", 3),
        ("F", "tif", None),
    ],
)
def test_modes(tmp_path, mode, suffix, channels):
    image = Image.fromarray(HALVES).convert("RGB")
    image = image.quantize() if mode == "P" else image.convert(mode)
    path = saved(tmp_path, f"a.{suffix}", image)
    if channels is None:
        with pytest.raises(ValueError):
            check(path)
        return
    assert check(path) == (4, 8, channels)
    found = read(path, None, 3)
    assert found.shape == (4, 8, 3) and found.dtype == np.uint8
    if mode != "1":
        np.testing.assert_allclose(found[..., 1], HALVES, atol=8)


def test_transparency_is_dropped(tmp_path):
    pixels = np.dstack([HALVES] * 3 + [np.zeros_like(HALVES)])
    path = saved(tmp_path, "a.png", Image.fromarray(pixels, "RGBA"))
    np.testing.assert_array_equal(read(path, None, 3)[..., 0], HALVES)


def test_16_bits_become_8_by_scale(tmp_path):
    deep = Image.fromarray(HALVES.astype(np.uint16) * 257)
    path = saved(tmp_path, "a.png", deep)
    assert check(path) == (4, 8, 1)
    np.testing.assert_array_equal(read(path, None, 1)[..., 0], HALVES)


@pytest.mark.parametrize(("orientation", "turn"), [(1, 0), (3, 2), (6, -1), (8, 1)])
@pytest.mark.parametrize("suffix", ["jpg", "png"])
def test_exif_orientation(tmp_path, orientation, turn, suffix):
    exif = Image.Exif()
    exif[0x0112] = orientation
    big = np.kron(HALVES, np.ones((4, 4), np.uint8))
    path = saved(tmp_path, f"a.{suffix}", Image.fromarray(big), exif=exif)
    upright = np.rot90(big, turn)
    assert check(path) == (*upright.shape, 1)
    np.testing.assert_allclose(read(path, None, 1)[..., 0], upright, atol=6)


def test_exif_orientation_of_16_bit_images(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    path = saved(tmp_path, "a.png", Image.fromarray(HALVES.astype(np.uint16) * 257), exif=exif)
    np.testing.assert_array_equal(read(path, None, 1)[..., 0], np.rot90(HALVES, -1))


@pytest.mark.parametrize("suffix", ["jpg", "png"])
@pytest.mark.parametrize("orientation", [1, 6])
def test_size_keeps_the_centre(tmp_path, suffix, orientation):
    """A ramp from left to right, as seen upright, 600 wide and 200 high, fitted to 20 by 20."""
    ramp = np.broadcast_to((np.arange(600) * 0.4).astype(np.uint8), (200, 600))
    stored = ramp if orientation == 1 else np.rot90(ramp)
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = saved(tmp_path, f"a.{suffix}", Image.fromarray(np.ascontiguousarray(stored)), exif=exif)
    found = read(path, (20, 20), 1)[..., 0]
    # Column i covers columns 200 + 10 i to 209 + 10 i.
    expected = 0.4 * (204.5 + 10 * np.arange(20))
    np.testing.assert_allclose(found, np.broadcast_to(expected, (20, 20)), atol=3)


def test_grey_is_the_luma(tmp_path):
    path = saved(tmp_path, "a.png", Image.new("RGB", (1, 1), (255, 0, 0)))
    assert read(path, None, 1).tolist() == [[[76]]]


def test_truncated_files_fail_the_check(tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    path = saved(tmp_path, "a.jpg", Image.fromarray(noise))
    path.write_bytes(path.read_bytes()[:2000])
    with Image.open(path) as image:
        assert image.size == (64, 64)  # its header is fine
    with pytest.raises(OSError, match="truncated"):
        check(path)
