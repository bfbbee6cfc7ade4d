// Package compose checks the installation that docker-compose.yml describes, by Compose's own reader. It has no code of
// its own: without Docker nothing can be started here, but a file that starts things in the wrong order, offers a port
// to everybody or carries a password can be told from its text.
package compose
