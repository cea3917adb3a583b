"""`python -m faceapp_client` is the command `faceapp`."""

import sys

from faceapp_client.cli import main

if __name__ == "__main__":
    sys.exit(main())
