"""`python -m gateway.demo`."""

import sys

from gateway.demo.commandline import main

sys.exit(main())
