"""Sources that are not on this machine become local files, and then are read like any other.

addresses.py   what an address of an object store names: bucket, key, folder or pattern
stores.py      opening an object store with the credentials of a source
objects.py     listing its objects, and receiving one
sftp/          the same of an SFTP server
fetching.py    fetching what changed, several at a time, from either
partial.py     a download that is cut off and goes on
copies.py      what was fetched, remembered, and laid out as files
http.py        requests to a web server: credentials, redirects, trying again
"""
