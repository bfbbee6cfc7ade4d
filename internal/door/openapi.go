package door

import _ "embed" // for the document

// document is the description of the door.
type document []byte

//go:embed openapi.yaml
var openAPI document

// Document describes every route of the door as an OpenAPI 3.1 document in YAML.
func Document() []byte { return openAPI }

func (d *Door) document(*call) (any, error) { return openAPI, nil }
