"""A worker: one process, one pjsua2 endpoint, at most four calls. Its parent is `doorbus_sip.pool`."""
