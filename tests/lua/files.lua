local path = arg[1]
print(_PY.file_exists(path), _PY.read_file(path))
print(_PY.write_file(path, "\0one\n"), _PY.file_exists(path), #_PY.read_file(path))
print(_PY.fwrite_file(path, "two"), _PY.fread_file(path))
print(_PY.write_file("/nowhere/x", "y"))
print(_PY.get_system_info().platform)
