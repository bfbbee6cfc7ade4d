// Package scim is SCIM 2.0 for users (RFC 7643, RFC 7644), as Okta and Microsoft Entra really speak it: it keeps the users
// an identity system sends and says what a change means for somebody's leaving.
//
// It is tolerant in what it reads, because a message that is refused or taken for a no-op is a leaver nobody hears of,
// and exact in what it writes. A change that matters is a Change, told to the port Config.Apply before the user is
// written, so that a sender that is told to come again does the whole of it again.
//
// It must not know the door, its rules, who is let in or where users are stored.
package scim
