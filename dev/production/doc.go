// Package production holds the installation as a platform team runs it, in one test: an encrypted, traced offboarding on
// PostgreSQL, with real Kubernetes API servers as clusters, while every process dies once.
//
// It has no code of its own besides tests; those need PostgreSQL's programs, the program kubetest, and the build tag
// production.
package production
