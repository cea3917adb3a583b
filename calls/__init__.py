"""The call that this thread or greenlet answers: what it holds, and whether its caller still waits."""
