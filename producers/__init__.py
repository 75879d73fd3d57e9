"""1. The doors in: command line, HTTP and files, where a row becomes an item of a job."""
