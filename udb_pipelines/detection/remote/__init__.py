"""Sources that are not on this machine become local files, and then are read like any other.

addresses.py   what an address of an object store names: bucket, key, folder or pattern
stores.py      opening a store with the credentials of a source
objects.py     listing, and fetching what changed
partial.py     a download that is cut off and goes on
copies.py      what was fetched, remembered, and laid out as files
http.py        requests to a web server: credentials, redirects, trying again
"""
