// Package archtest holds the tests of what linters cannot see: which folder may import which, one
// package comment each, and a go.mod without replace. It has no code of its own.
package archtest
