"""`python -m keras_ssl` is the command `keras-ssl`."""

from .cli import main

main()
