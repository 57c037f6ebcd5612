package provider

import (
	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/hub/odata"
)

// readFilter reads filters by equality, "name eq 'value'", and by the functions "name('value')" and "name()", joined by
// "and". Names are in lower case.
func readFilter(text string) (map[string]string, error) {
	unsupported := fairlead.Errorf(fairlead.Invalid, "The filter '%.200s' is not understood.", text).WithCode("UnsupportedQuery")
	filter, err := odata.Parse(text)
	if err != nil {
		return nil, unsupported
	}
	terms, required := map[string]string{}, filter.Required()
	for _, term := range required {
		if term.Op != odata.Eq && term.Op != odata.Call {
			return nil, unsupported
		}
		terms[term.Name] = term.Value
	}
	if len(required) != len(filter.Terms()) {
		return nil, unsupported
	}
	return terms, nil
}
