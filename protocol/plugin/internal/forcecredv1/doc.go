// Package forcecredv1 is generated from forcecred/v1/credential.proto by ../../generate.
package forcecredv1
