"""An OME-XML with everything in it that OMERO stores."""

import re

WHOLE = """<?xml version="1.0" encoding="UTF-8"?>
<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06">
  <Project ID="Project:0" Name="not stored"><DatasetRef ID="Dataset:0"/></Project>
  <Dataset ID="Dataset:0" Name="not stored"><ImageRef ID="Image:0"/></Dataset>
  <Folder ID="Folder:0" Name="outer"><FolderRef ID="Folder:1"/></Folder>
  <Folder ID="Folder:1" Name="inner"><ImageRef ID="Image:0"/><ROIRef ID="ROI:0"/>
    <AnnotationRef ID="Annotation:tag"/></Folder>
  <Folder ID="Folder:2" Name="leads to no image"/>
  <Experiment ID="Experiment:0" Type="FP TimeLapse"><Description>bleach</Description>
    <MicrobeamManipulation ID="MicrobeamManipulation:0" Type="FRAP"><ROIRef ID="ROI:0"/>
      <ExperimenterRef ID="Experimenter:0"/>
      <LightSourceSettings ID="LightSource:pump" Attenuation="0.25"/></MicrobeamManipulation></Experiment>
  <Screen ID="Screen:0" Name="screen" Type="RNAi" ProtocolIdentifier="p7">
    <Reagent ID="Reagent:0" Name="siRNA" ReagentIdentifier="r1"><AnnotationRef ID="Annotation:tag"/></Reagent>
    <PlateRef ID="Plate:0"/></Screen>
  <Plate ID="Plate:0" Rows="1" Columns="1" FieldIndex="1">
    <Well ID="Well:0" Row="2" Column="3" Color="-16776961">
      <WellSample ID="WellSample:7" Index="7" PositionX="1.5" PositionXUnit="mm"><ImageRef ID="Image:0"/></WellSample>
      <WellSample ID="WellSample:8" Index="8"/>
      <ReagentRef ID="Reagent:0"/><AnnotationRef ID="Annotation:map"/></Well>
    <Well ID="Well:1" Row="0" Column="0"/>
    <AnnotationRef ID="Annotation:comment"/>
    <PlateAcquisition ID="PlateAcquisition:0" MaximumFieldCount="1"><WellSampleRef ID="WellSample:7"/>
      </PlateAcquisition></Plate>
  <Plate ID="Plate:1" Name="without images"/>
  <Experimenter ID="Experimenter:0" LastName="not stored"/>
  <Instrument ID="Instrument:0"><Microscope Model="M"/>
    <Laser ID="LightSource:laser" Type="Gas" LaserMedium="Ar" Wavelength="488" Pulse="CW" Tuneable="true"
      RepetitionRate="2" RepetitionRateUnit="MHz"><Pump ID="LightSource:pump"/></Laser>
    <Arc ID="LightSource:pump" Power="3" PowerUnit="W"/>
    <Filament ID="LightSource:filament" Type="Halogen"/>
    <LightEmittingDiode ID="LightSource:led"><AnnotationRef ID="Annotation:long"/></LightEmittingDiode>
    <GenericExcitationSource ID="LightSource:generic"><Map><M K="a">1</M><M K="a">2</M></Map>
      </GenericExcitationSource>
    <Detector ID="Detector:0" Type="EMCCD" Offset="2.5" Voltage="1" VoltageUnit="kV"/>
    <Objective ID="Objective:0" LensNA="1.4" WorkingDistance="3" Iris="false"/>
    <FilterSet ID="FilterSet:0" Model="cube"><ExcitationFilterRef ID="Filter:ex"/><DichroicRef ID="Dichroic:0"/>
      <EmissionFilterRef ID="Filter:em"/></FilterSet>
    <Filter ID="Filter:ex" FilterWheel="w"/>
    <Filter ID="Filter:em" Type="BandPass"><TransmittanceRange CutIn="510" CutOut="540" Transmittance="0.9"/></Filter>
    <Dichroic ID="Dichroic:0" Model="d"/>
    <AnnotationRef ID="Annotation:double"/></Instrument>
  <Instrument ID="Instrument:1"/>
  <Image ID="Image:0" Name="one"><AcquisitionDate>2020-01-02T03:04:05.678+02:00</AcquisitionDate>
    <ExperimenterRef ID="Experimenter:0"/><Description>line 1
line 2</Description><ExperimentRef ID="Experiment:0"/><InstrumentRef ID="Instrument:0"/>
    <ObjectiveSettings ID="Objective:0" Medium="Oil" RefractiveIndex="1.5"/>
    <ImagingEnvironment Temperature="37" CO2Percent="0.5"><Map><M K="gas">N2</M></Map></ImagingEnvironment>
    <StageLabel Name="stage" X="1" XUnit="mm"/>
    <Pixels ID="Pixels:0" DimensionOrder="XYTZC" Type="uint16" SizeX="4" SizeY="3" SizeZ="2" SizeC="3" SizeT="1"
        PhysicalSizeX="650" PhysicalSizeXUnit="nm" TimeIncrement="2" TimeIncrementUnit="min">
      <Channel ID="Channel:0" AcquisitionMode="SpinningDiskConfocal" ContrastMethod="Fluorescence"
          IlluminationType="Epifluorescence" EmissionWavelength="525" NDFilter="0.5" Fluor="GFP">
        <LightSourceSettings ID="LightSource:laser" Attenuation="0.5"/>
        <DetectorSettings ID="Detector:0" Binning="2x2" ReadOutRate="5" ReadOutRateUnit="MHz" Offset="1"/>
        <FilterSetRef ID="FilterSet:0"/><AnnotationRef ID="Annotation:term"/>
        <LightPath><ExcitationFilterRef ID="Filter:ex"/><DichroicRef ID="Dichroic:0"/>
          <EmissionFilterRef ID="Filter:em"/><AnnotationRef ID="Annotation:tag"/></LightPath></Channel>
      <Channel ID="Channel:1"><LightSourceSettings ID="LightSource:gone"/><LightPath/></Channel>
      <TiffData/>
      <Plane TheZ="0" TheC="0" TheT="0"/>
      <Plane TheZ="1" TheC="0" TheT="0" ExposureTime="20" ExposureTimeUnit="ms" PositionZ="-1" PositionZUnit="mm">
        <AnnotationRef ID="Annotation:bool"/></Plane></Pixels>
    <ROIRef ID="ROI:0"/><ROIRef ID="ROI:gone"/>
    <AnnotationRef ID="Annotation:xml"/><AnnotationRef ID="Annotation:list"/><AnnotationRef ID="Annotation:file"/>
    <AnnotationRef ID="Annotation:time"/><AnnotationRef ID="Annotation:gone"/></Image>
  <StructuredAnnotations>
    <XMLAnnotation ID="Annotation:xml"><Value><a:b xmlns:a="urn:x" c="1">t<d xmlns=""/>u</a:b></Value></XMLAnnotation>
    <FileAnnotation ID="Annotation:file" Namespace="f"><BinaryFile FileName="n.txt" Size="3" MIMEType="text/plain">
      <BinData Length="4" BigEndian="true">QUJD</BinData></BinaryFile></FileAnnotation>
    <ListAnnotation ID="Annotation:list"><AnnotationRef ID="Annotation:tag"/><AnnotationRef ID="Annotation:comment"/>
      </ListAnnotation>
    <LongAnnotation ID="Annotation:long"><Value>-9000000000</Value></LongAnnotation>
    <DoubleAnnotation ID="Annotation:double"><Value>2.5e-3</Value></DoubleAnnotation>
    <CommentAnnotation ID="Annotation:comment"><Description>why</Description><Value>said</Value></CommentAnnotation>
    <BooleanAnnotation ID="Annotation:bool"><Value>true</Value></BooleanAnnotation>
    <TimestampAnnotation ID="Annotation:time"><Value>2021-02-03T04:05:06Z</Value></TimestampAnnotation>
    <TagAnnotation ID="Annotation:tag" Namespace="ns"><Value>tag</Value></TagAnnotation>
    <TermAnnotation ID="Annotation:term"><Value>GO:1</Value></TermAnnotation>
    <MapAnnotation ID="Annotation:map"><Value><M K="k">v</M><M K="k">w</M></Value></MapAnnotation>
    <CommentAnnotation ID="Annotation:unused"><Value>leads nowhere</Value></CommentAnnotation>
  </StructuredAnnotations>
  <ROI ID="ROI:0" Name="roi"><AnnotationRef ID="Annotation:tag"/><Description>d</Description><Union>
    <Label ID="Shape:0" X="1" Y="2" Text="hello" FontFamily="sans-serif" FontStyle="Bold" FontSize="12"/>
    <Polygon ID="Shape:1" Points="0,0 1,1" FillRule="EvenOdd" Locked="true"/>
    <Polyline ID="Shape:2" Points="0,0 2,2" MarkerEnd="Arrow"/>
    <Line ID="Shape:3" X1="0" Y1="1" X2="2" Y2="3" MarkerStart="Arrow" StrokeDashArray="5 3"/>
    <Ellipse ID="Shape:4" X="1" Y="2" RadiusX="3" RadiusY="4" FillColor="-1" StrokeColor="255"
      StrokeWidth="2" StrokeWidthUnit="µm"/>
    <Point ID="Shape:5" X="1" Y="2" TheZ="1" TheT="0" TheC="2"><AnnotationRef ID="Annotation:tag"/></Point>
    <Mask ID="Shape:6" X="0" Y="0" Width="8" Height="1"><BinData Length="4" BigEndian="true">/w==</BinData></Mask>
    <Rectangle ID="Shape:7" X="1" Y="2" Width="3" Height="4"><Transform A00="1" A10="0" A01="0" A11="1" A02="5"
      A12="6"/></Rectangle></Union></ROI>
</OME>
"""
# A server stumbles over a field without an image, and over an experiment of two types.
IMPORTABLE = re.sub(r"<WellSample [^>]*/>", "", WHOLE).replace("FP TimeLapse", "FP")
