package sessionbus

import (
	"encoding/binary"
	"io"
)

// Kinds of messages.
// https://dbus.freedesktop.org/doc/dbus-specification.html#message-protocol-messages
const (
	methodReturn = 2
	methodError  = 3
)

const (
	fixedHeader = 16       // bytes, the last four of which are the length of the header's fields
	maxMessage  = 64 << 10 // far more than an answer to Hello has
)

// helloCall is the message that calls Hello. The bus answers it with the name of
// the connection.
var helloCall = call("/org/freedesktop/DBus", "org.freedesktop.DBus", "org.freedesktop.DBus", "Hello")

// call returns a call, without arguments and numbered 1, of a method.
func call(path, destination, iface, member string) string {
	var fields []byte
	for _, field := range []struct {
		code  byte
		kind  byte
		value string
	}{{1, 'o', path}, {2, 's', iface}, {3, 's', member}, {6, 's', destination}} {
		fields = pad(fields)
		fields = append(fields, field.code, 1, field.kind, 0)
		fields = binary.LittleEndian.AppendUint32(fields, uint32(len(field.value)))
		fields = append(append(fields, field.value...), 0)
	}
	message := []byte{'l', 1, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0}
	message = binary.LittleEndian.AppendUint32(message, uint32(len(fields)))
	return string(pad(append(message, fields...)))
}

// pad fills up to the next multiple of eight bytes.
func pad(data []byte) []byte {
	for len(data)%8 != 0 {
		data = append(data, 0)
	}
	return data
}

// receive reads one message and returns its kind.
func (c client) receive() (kind byte, err error) {
	var header [fixedHeader]byte
	if _, err := io.ReadFull(c.in, header[:]); err != nil {
		return 0, err
	}
	var order binary.ByteOrder = binary.LittleEndian
	switch header[0] {
	case 'l':
	case 'B':
		order = binary.BigEndian
	default:
		return 0, errAlien
	}
	body, fields := order.Uint32(header[4:]), order.Uint32(header[12:])
	if body > maxMessage || fields > maxMessage {
		return 0, errAlien
	}
	_, err = c.in.Discard(int((fields+7)/8*8 + body))
	return header[1], err
}
