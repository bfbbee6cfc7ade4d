// Package observe holds the tests of what the shipped programs tell of themselves: an offboarding that the door begins is
// one trace from the webhook to the requests that reach IBM Cloud and the clusters, every metric that is described can be
// scraped, and whatever the dashboard and the alerts ask for is among them.
package observe
