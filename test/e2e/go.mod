module github.com/fairlead/fairlead/test/e2e

go 1.26.0

require github.com/fairlead/fairlead/test/cluster v0.0.0

replace github.com/fairlead/fairlead/test/cluster => ../cluster
