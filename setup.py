from pathlib import Path

from setuptools import find_packages, setup

HERE = Path(__file__).parent
VERSION = next(
    line.split('"')[1]
    for line in (HERE / "keras_ssl" / "__init__.py").read_text().splitlines()
    if "__version__ =" in line
)

AUDIO = ["soundfile>=0.12"]  # reads .wav and .flac files
# gensim: oracle, and lists of word pairs; sacrebleu: measures translations
VIDEO = ["av>=12"]  # reads video files
TEST = ["pytest>=8", "pytest-timeout", "pytest-xdist", "gensim>=4.3.3", "sacrebleu>=2.4", *AUDIO, *VIDEO]

setup(
    name="keras_ssl",
    version=VERSION,
    description="Self-supervised learning for Keras 3, with a zoo of pretrained models",
    long_description=(HERE / "README.md").read_text(),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    python_requires=">=3.10",
    packages=[*find_packages(include=["keras_ssl", "keras_ssl.*"]), "keras_ssl._zoo"],
    # The artifacts live in zoo/ at the top of the checkout and travel inside the package.
    package_dir={"keras_ssl._zoo": "zoo"},
    package_data={"keras_ssl._zoo": ["**/*"], "keras_ssl.data": ["samples/*/*"], "keras_ssl.words": ["lists/*"]},
    install_requires=[
        "tensorflow>=2.20",
        "keras>=3.12",
        "tensorflow-datasets>=4.9.9",
        "importlib_resources",  # TFDS imports it where it downloads, and asks for it only on old Pythons
        "tensorboard>=2.19",  # the TensorBoard callback; TensorFlow 2.21 no longer brings it
        "numpy>=1.26",
        "scipy>=1.11",
        "scikit-learn>=1.4",
        "matplotlib>=3.8",
        "pillow>=10",
        "typer>=0.12",
        "rich>=13",
    ],
    extras_require={
        "gpu": ["tensorflow[and-cuda]>=2.20"],
        "video": VIDEO,
        "audio": AUDIO,
        "test": TEST,
        "dev": [*TEST, "ruff>=0.9", "build"],
    },
    entry_points={"console_scripts": ["keras-ssl = keras_ssl.cli:main"]},
    classifiers=[
        "License :: OSI Approved :: Apache Software License",
        "Programming Language :: Python :: 3",
        "Topic :: Scientific/Engineering :: Artificial Intelligence",
    ],
)
