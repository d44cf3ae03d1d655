package helper

import (
	"forcecred/internal/hints"
	"forcecred/protocol/remedy"
)

// rotationUnknown is what a hint adds if a refresh token may have been rotated.
var rotationUnknown = hints.Text(remedy.To("rotation_unknown"))
