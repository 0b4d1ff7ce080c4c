"""Runs the project inside a virtual machine whose Linux kernel has GPIO chips (`gpio-sim`).

`kernel.py` brings the kernel, `disk.py` the project, `machine.py` boots one with the other; `guest.sh` runs inside.
"""
