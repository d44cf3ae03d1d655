package localfile

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"forcecred/keystore"
)

var errNotRegular = errors.New("not a regular file")

// Open opens a file for reading, by flags that are 0 or NoFollow, and refuses
// what is not a regular one.
func Open(path string, flags int) (*os.File, fs.FileInfo, error) {
	var file *os.File
	err := patiently(func() (err error) {
		file, err = openFile(path, os.O_RDONLY|flags)
		return err
	})
	if err != nil {
		return nil, nil, err
	}
	info, err := file.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = &fs.PathError{Op: "open", Path: path, Err: errNotRegular}
	}
	if err != nil {
		file.Close()
		return nil, nil, err
	}
	return file, info, nil
}

// ReadAll reads the file that Open opened. More than limit bytes are
// ErrCorrupt: nothing that forcecred reads is as large.
func ReadAll(file *os.File, info fs.FileInfo, limit int64) ([]byte, error) {
	var data bytes.Buffer
	data.Grow(int(min(info.Size(), limit)) + bytes.MinRead) // one read for the data, one for its end
	if _, err := data.ReadFrom(io.LimitReader(file, limit+1)); err != nil {
		return nil, err
	}
	if int64(data.Len()) > limit {
		return nil, &keystore.Error{Reason: keystore.ErrCorrupt, Err: fmt.Errorf("%s has more than %d bytes", file.Name(), limit)}
	}
	return data.Bytes(), nil
}
