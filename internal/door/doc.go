// Package door is the HTTP door through which HR and identity systems start and steer offboardings.
//
// Each kind of sender has one file that verifies and reads what it sends and makes an Event of it. Door.Apply is the one
// place with the rules for events: each is applied once, late ones do no harm, too many starts at once wait for a person.
// What must survive a restart is in a Store, one file on disk.
//
// It must not know Temporal: what it needs of the engine it says in Engine. Nor may it know where secrets come from.
package door
