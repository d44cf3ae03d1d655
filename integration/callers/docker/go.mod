// A module of its own, so that what docker's packages require is not required of forcecred.
module forcecred/integration/callers/docker

go 1.26.0

require (
	forcecred v0.0.0
	github.com/docker/cli v29.9.3+incompatible
	github.com/docker/docker-credential-helpers v0.9.12
)

require (
	github.com/sirupsen/logrus v1.10.2 // indirect
	golang.org/x/sys v0.49.0 // indirect
	gotest.tools/v3 v3.5.2 // indirect
)

replace forcecred => ../../..
