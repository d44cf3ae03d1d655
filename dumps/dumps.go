// Package dumps forbids dumps of this process's memory.
//
// A core file would put onto the disk what is kept from it elsewhere: the age
// identity, refresh tokens, access tokens. [Forbid] is called before any of them
// is in memory. All of it is best effort: a system that refuses it takes no
// protection away that was there before.
package dumps
