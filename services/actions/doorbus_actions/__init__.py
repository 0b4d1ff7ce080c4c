"""Sends the push button's messages: FTP, e-mail, HTTP."""
