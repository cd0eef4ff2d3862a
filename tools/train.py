"""Pretrain a method: `python tools/train.py NAME ...` is `keras-ssl pretrain NAME ...`."""

import sys

from keras_ssl.cli import main

sys.argv.insert(1, "pretrain")
main()
