"""How much memory a process has had, as a line of the program that asks for itself."""

PEAK_MB = """
def peak_mb():
    # Not getrusage: its figure begins with that of the process that started this one.
    lines = open("/proc/self/status").read().splitlines()
    return next(int(line.split()[1]) // 1024 for line in lines if line.startswith("VmHWM"))
"""
"""Source of ``peak_mb``: the greatest resident memory of the process so far, in MiB. Linux."""
