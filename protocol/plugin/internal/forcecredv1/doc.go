// Package forcecredv1 is what protoc makes of forcecred/v1/credential.proto, by ../../generate.
package forcecredv1
