"""Files of rows, read as a stream: a row becomes an item, or a problem that names its line."""
