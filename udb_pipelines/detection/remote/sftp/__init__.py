"""Files of an SFTP server, through OpenSSH's own client.

OpenSSH signs in, checks the server's key and encrypts; what is spoken inside is the file transfer protocol, version 3
(draft-ietf-secsh-filexfer-02), which tells the exact size and time of every file of a folder in one answer.

place.py     what an address and the options of a source say
wire.py      the packets of the protocol
session.py   requests over one connection, many under way at once
ssh.py       the OpenSSH process: signing in, the server's key, what went wrong
private.py   handing secrets to a process without writing them to disk
folders.py   which files an address names
store.py     several connections as one store
"""
