// Package regularfile opens regular files without waiting for another process.
//
// Opening a FIFO, a device or a socket may block the caller forever, and reading it may
// never end. So forcecred opens every file that it reads here.
package regularfile

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
)

// Causes of failures, besides the system's.
var (
	ErrNotRegular = errors.New("not a regular file")
	ErrTooLarge   = errors.New("too large")
)

// Open opens an existing regular file. Flags are os.O_RDONLY or os.O_WRONLY, with or
// without NoFollow. The error is an [*fs.PathError], in a [*PermissionError] if the
// system denied access. Its cause is ErrNotRegular for anything but a regular file.
func Open(path string, flags int) (*os.File, fs.FileInfo, error) {
	var file *os.File
	err := RetryWhileInUse(func() (err error) {
		file, err = openFile(path, flags)
		return err
	})
	if err != nil {
		return nil, nil, WrapPermission(err)
	}
	info, err := file.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = &fs.PathError{Op: "open", Path: path, Err: ErrNotRegular}
	}
	if err != nil {
		file.Close()
		return nil, nil, err
	}
	return file, info, nil
}

// ReadAll reads the file that Open opened. It returns ErrTooLarge for more than limit
// bytes.
func ReadAll(file *os.File, info fs.FileInfo, limit int64) ([]byte, error) {
	var data bytes.Buffer
	data.Grow(int(min(info.Size(), limit)) + bytes.MinRead) // one read for the data, one for the end of the file
	if _, err := data.ReadFrom(io.LimitReader(file, limit+1)); err != nil {
		return nil, err
	}
	if int64(data.Len()) > limit {
		return nil, fmt.Errorf("%s is %w: it has more than %d bytes", file.Name(), ErrTooLarge, limit)
	}
	return data.Bytes(), nil
}

// Read returns the content of a regular file of at most limit bytes, with the errors of
// Open and ReadAll.
func Read(path string, limit int64) ([]byte, error) {
	file, info, err := Open(path, os.O_RDONLY)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return ReadAll(file, info, limit)
}
