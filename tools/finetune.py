"""Fine-tune an encoder: `python tools/finetune.py ENCODER ...` is `keras-ssl finetune ENCODER ...`."""

import sys

from keras_ssl.cli import main

sys.argv.insert(1, "finetune")
main()
